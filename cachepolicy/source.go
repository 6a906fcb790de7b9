package cachepolicy

import "google.golang.org/protobuf/reflect/protoreflect"

// source is one policy's place of origin, for faults.
type source struct {
	file   string
	method string
	faults *faults
	text   *policyText                   // nil for an annotation
	path   string                        // of the policy's entry in text
	proto  protoreflect.MethodDescriptor // that has the annotation
}

// fault records a fault of a field of the method's policy.
func (s source) fault(field, reason string, args ...any) {
	line := 0
	switch {
	case s.text != nil:
		line = s.text.line(s.path + "." + join("policy", field))
	case s.proto != nil:
		line = annotationLine(s.proto, field)
	}
	s.faults.add(s.file, line, s.method, field, reason, args...)
}

// entryFault records a fault of the name in a policy file's entry.
func (s source) entryFault(reason string, args ...any) {
	at := s.path + ".method"
	s.faults.add(s.file, s.text.line(at), s.method, at, reason, args...)
}

// unread reports whether the text of a field could not be read, which is
// reported already: what follows from its absence is not.
func (s source) unread(field string) bool {
	return s.text != nil && s.text.faulty[s.path+".policy."+field]
}
