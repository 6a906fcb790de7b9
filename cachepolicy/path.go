package cachepolicy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldPath leads from a message to one of its fields, at any depth.
type fieldPath struct {
	text   string
	fields []protoreflect.FieldDescriptor
}

// compilePath resolves a dotted path of proto names; the reason is empty when it
// leads somewhere.
func compilePath(md protoreflect.MessageDescriptor, text string) (fieldPath, string) {
	p := fieldPath{text: text}
	if text == "" {
		return p, "an empty field path"
	}
	for name := range strings.SplitSeq(text, ".") {
		if md == nil {
			return p, fmt.Sprintf("field path %q: %q is %s, which has no fields", text, p.last().Name(), kindOf(p.last()))
		}
		fd := md.Fields().ByName(protoreflect.Name(name))
		if fd == nil {
			return p, fmt.Sprintf("field path %q: %s has no field %q", text, md.FullName(), name)
		}
		p.fields = append(p.fields, fd)
		md = fd.Message()
		if fd.IsMap() {
			md = nil
		}
	}
	return p, ""
}

// kindOf says what a field is that no path leads into.
func kindOf(fd protoreflect.FieldDescriptor) string {
	if fd.IsMap() {
		return "a map"
	}
	return "of type " + fd.Kind().String()
}

func (p fieldPath) last() protoreflect.FieldDescriptor { return p.fields[len(p.fields)-1] }

// covers reports whether clearing p clears q too.
func (p fieldPath) covers(q fieldPath) bool {
	if len(p.fields) > len(q.fields) {
		return false
	}
	for i, fd := range p.fields {
		if fd.FullName() != q.fields[i].FullName() {
			return false
		}
	}
	return true
}

// field finds fd in a message that may come from another registry than the one
// that the policy was compiled against.
func field(m protoreflect.Message, fd protoreflect.FieldDescriptor) (protoreflect.FieldDescriptor, error) {
	md := m.Descriptor()
	if md == fd.ContainingMessage() {
		return fd, nil
	}
	own := md.Fields().ByNumber(fd.Number())
	if md.FullName() != fd.ContainingMessage().FullName() || own == nil ||
		own.Kind() != fd.Kind() || own.Cardinality() != fd.Cardinality() || own.IsMap() != fd.IsMap() {
		return nil, fmt.Errorf("cachepolicy: a %s has no field like %s", md.FullName(), fd.FullName())
	}
	return own, nil
}

// clear empties the field that the path leads to, in every element where the
// path leads through a list.
func (p fieldPath) clear(m protoreflect.Message) error {
	for i, fd := range p.fields {
		own, err := field(m, fd)
		if err != nil {
			return err
		}
		if !m.Has(own) {
			return nil
		}
		if i == len(p.fields)-1 {
			m.Clear(own)
			return nil
		}
		if own.IsList() {
			rest := fieldPath{text: p.text, fields: p.fields[i+1:]}
			l := m.Mutable(own).List()
			for j := range l.Len() {
				if err := rest.clear(l.Get(j).Message()); err != nil {
					return err
				}
			}
			return nil
		}
		m = m.Mutable(own).Message()
	}
	return nil
}

// values calls yield with each value that the path leads to: one for a singular
// field (its default when unset), one per element where lists are met.
func (p fieldPath) values(m protoreflect.Message, yield func(protoreflect.FieldDescriptor, protoreflect.Value)) error {
	for i, fd := range p.fields {
		own, err := field(m, fd)
		if err != nil {
			return err
		}
		end := i == len(p.fields)-1
		if own.IsList() {
			l := m.Get(own).List()
			rest := fieldPath{text: p.text, fields: p.fields[i+1:]}
			for j := range l.Len() {
				if end {
					yield(own, l.Get(j))
				} else if err := rest.values(l.Get(j).Message(), yield); err != nil {
					return err
				}
			}
			return nil
		}
		if end {
			if !m.Has(own) {
				yield(own, protoreflect.Value{})
			} else {
				yield(own, m.Get(own))
			}
			return nil
		}
		m = m.Get(own).Message()
	}
	return nil
}
