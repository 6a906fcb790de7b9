package cachepolicy

import (
	"cmp"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// FromRegistry compiles the annotations of every service that files knows;
// protoregistry.GlobalFiles holds those linked into the program. Methods without
// an annotation are absent from the Set. The error names every fault at once;
// see [RuleError].
func FromRegistry(files *protoregistry.Files) (*Set, error) {
	var f faults
	set := compileAll(files, &f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return set, nil
}

// compileAll compiles what it can, and records every fault.
func compileAll(files *protoregistry.Files, f *faults) *Set {
	set := &Set{policies: map[string]*Policy{}}
	for md := range methods(files) {
		src := source{file: md.ParentFile().Path(), method: wireName(md), faults: f, proto: md}
		if mp := annotation(md, src); mp != nil {
			set.policies[src.method] = src.compile(md, mp)
		}
	}
	return set
}

// methods are all methods of the files, by file and in its order.
func methods(files *protoregistry.Files) iter.Seq[protoreflect.MethodDescriptor] {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for _, fd := range sortedFiles(files) {
			for i := range fd.Services().Len() {
				of := fd.Services().Get(i).Methods()
				for j := range of.Len() {
					if !yield(of.Get(j)) {
						return
					}
				}
			}
		}
	}
}

// sortedFiles returns the files by path: their own order differs from run to
// run, and the text of an error should not. They are not worked on within
// RangeFiles, which holds the global registry's lock while decoding options
// takes it again.
func sortedFiles(files *protoregistry.Files) []protoreflect.FileDescriptor {
	all := make([]protoreflect.FileDescriptor, 0, files.NumFiles())
	files.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		all = append(all, fd)
		return true
	})
	slices.SortStableFunc(all, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	return all
}

// annotation returns the method's annotation, nil when it has none.
//
// The options are decoded anew with the linked-in extension: a registry built
// from a FileDescriptorSet holds them as unknown bytes or as a dynamic message.
// What else is in them, complete or not, is not this package's to judge.
func annotation(md protoreflect.MethodDescriptor, s source) *freshetv1.MethodPolicy {
	o, ok := md.Options().(*descriptorpb.MethodOptions)
	if !ok || o == nil {
		return nil
	}
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(o)
	if err != nil {
		s.fault("", "the method's options do not encode: %v", err)
		return nil
	}
	var own descriptorpb.MethodOptions
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(raw, &own); err != nil {
		s.fault("", "the method's options do not decode: %v", err)
		return nil
	}
	if !proto.HasExtension(&own, freshetv1.E_Policy) {
		return nil
	}
	mp, _ := proto.GetExtension(&own, freshetv1.E_Policy).(*freshetv1.MethodPolicy)
	return mp
}
