package cachepolicy

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Set holds the compiled policies of any number of methods. It is immutable and
// safe for concurrent use; the nil Set holds nothing.
type Set struct {
	policies map[string]*Policy
}

// Lookup returns the policy of a method by its full name on the wire,
// "/pkg.Service/Method", or nil when the Set says nothing of it. It costs one
// map access and allocates nothing.
func (s *Set) Lookup(method string) *Policy {
	if s == nil {
		return nil
	}
	return s.policies[method]
}

// Methods returns the full names of the methods that the Set speaks of, sorted.
func (s *Set) Methods() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.policies))
}

// Merge returns a Set that says of each method what over says, and where over
// says nothing, what base says. A method's policy is replaced whole: an empty
// policy in over takes the one in base back. Either may be nil.
func Merge(base, over *Set) *Set {
	m := &Set{policies: map[string]*Policy{}}
	for _, s := range []*Set{base, over} {
		if s != nil {
			maps.Copy(m.policies, s.policies)
		}
	}
	return m
}

// IsSafe reports whether files declares the method NO_SIDE_EFFECTS ("safe" in
// RFC 9110 section 9.2.1). A method that files does not know is of unknown
// safety, which counts as unsafe: RFC 9111 section 4.4 wants such methods to be
// able to invalidate.
func IsSafe(files *protoregistry.Files, method string) bool {
	md := findMethod(files, method)
	return md != nil && declaredSafe(md)
}

func declaredSafe(md protoreflect.MethodDescriptor) bool {
	o, _ := md.Options().(*descriptorpb.MethodOptions)
	return o.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// findMethod resolves "/pkg.Service/Method"; nil when there is no such method.
func findMethod(files *protoregistry.Files, method string) protoreflect.MethodDescriptor {
	service, name, ok := splitMethod(method)
	if !ok {
		return nil
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return sd.Methods().ByName(protoreflect.Name(name))
}

func splitMethod(method string) (service, name string, ok bool) {
	rest, ok := strings.CutPrefix(method, "/")
	if !ok {
		return "", "", false
	}
	service, name, ok = strings.Cut(rest, "/")
	return service, name, ok && service != "" && name != "" && !strings.Contains(name, "/")
}

// wireName is the method's full name as gRPC sends it.
func wireName(md protoreflect.MethodDescriptor) string {
	return "/" + string(md.Parent().FullName()) + "/" + string(md.Name())
}
