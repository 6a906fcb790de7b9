package cachepolicy

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// optionsField is the number of google.protobuf.MethodDescriptorProto.options.
const optionsField = 4

// annotationLine is the line of a field of the method's annotation, or of the nearest thing
// around it that the descriptor has the position of; 0 if it has none.
//
// An option that is set by one aggregate value has one position: fields within it have none.
func annotationLine(md protoreflect.MethodDescriptor, field string) int {
	locations := md.ParentFile().SourceLocations()
	method := locations.ByDescriptor(md)
	if method.Path == nil {
		return 0
	}
	path := append(slices.Clone(method.Path), optionsField, int32(freshetv1.E_Policy.TypeDescriptor().Number()))
	at := (&freshetv1.MethodPolicy{}).ProtoReflect().Descriptor()
	for name := range strings.SplitSeq(field, ".") {
		name, _, _ = strings.Cut(name, "[")
		if at == nil {
			break
		}
		fd := at.Fields().ByName(protoreflect.Name(name))
		if fd == nil {
			break
		}
		path = append(path, int32(fd.Number()))
		at = fd.Message()
	}
	for len(path) > len(method.Path) {
		if l := locations.ByPath(path); l.Path != nil {
			return l.StartLine + 1
		}
		path = path[:len(path)-1]
	}
	return method.StartLine + 1
}
