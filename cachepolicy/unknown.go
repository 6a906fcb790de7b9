package cachepolicy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// refuseUnknown refuses fields that this version's schema does not know: an
// annotation may have been compiled against a later one.
func (s source) refuseUnknown(at string, m protoreflect.Message) {
	raw := m.GetUnknown()
	for len(raw) > 0 {
		num, _, n := protowire.ConsumeField(raw)
		if n < 0 {
			break
		}
		s.fault(at, "unknown field %d of %s: it was written for a later version of freshet", num, m.Descriptor().FullName())
		raw = raw[n:]
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() != nil && !fd.IsList() && !fd.IsMap() {
			s.refuseUnknown(join(at, string(fd.Name())), v.Message())
		}
		return true
	})
}

// join makes a path of two, either of which may be empty.
func join(at, name string) string {
	if at == "" || name == "" {
		return at + name
	}
	return at + "." + name
}
