package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"buf.build/go/bufplugin/check"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
)

// category is what lint.use names for the rules that are on by default.
const category = "FRESHET"

func spec() *check.Spec {
	rule := func(id, purpose string, on bool, find func(*protoregistry.Files) error) *check.RuleSpec {
		s := &check.RuleSpec{
			ID: id, Default: on, Purpose: purpose, Type: check.RuleTypeLint,
			Handler: check.RuleHandlerFunc(func(_ context.Context, w check.ResponseWriter, r check.Request) error {
				return report(w, r, id, find)
			}),
		}
		if on {
			s.CategoryIDs = []string{category}
		}
		return s
	}
	return &check.Spec{
		Categories: []*check.CategorySpec{{ID: category, Purpose: "Checks that cache policies can be honoured and reach what they invalidate."}},
		Rules: []*check.RuleSpec{
			rule(cachepolicy.RulePolicy, "Checks that every cache policy can be honoured.", true, cachepolicy.Check),
			rule(cachepolicy.RuleGroups, "Checks that invalidated groups are groups of some cached reply.", true, cachepolicy.Check),
			rule(cachepolicy.RuleInvalidates, "Checks that methods with side effects say what they make untrue.", false, cachepolicy.CheckAdvice),
		},
	}
}

// report annotates what one rule finds in the files that are linted; what they import counts for
// groups, and is not annotated.
func report(w check.ResponseWriter, r check.Request, id string, find func(*protoregistry.Files) error) error {
	files, imported := &protoregistry.Files{}, map[string]bool{}
	for _, f := range r.FileDescriptors() {
		fd := f.ProtoreflectFileDescriptor()
		if err := files.RegisterFile(fd); err != nil {
			return fmt.Errorf("freshet: %w", err)
		}
		imported[fd.Path()] = f.IsImport()
	}
	joined, ok := find(files).(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		var fault *cachepolicy.RuleError
		if !errors.As(err, &fault) || fault.Rule != id {
			continue
		}
		if md := method(files, fault.Method); md != nil && !imported[md.ParentFile().Path()] {
			annotate(w, md, fault)
		}
	}
	return nil
}

func annotate(w check.ResponseWriter, md protoreflect.MethodDescriptor, fault *cachepolicy.RuleError) {
	message := check.WithMessage(strings.Join(nonEmpty(fault.Method, fault.Field, fault.Reason), ": "))
	if path := sourcePath(md, fault.File); path != nil {
		w.AddAnnotation(message, check.WithFileNameAndSourcePath(md.ParentFile().Path(), path))
		return
	}
	w.AddAnnotation(message, check.WithDescriptor(md))
}

// sourcePath is that of the part of the method that begins on the line of "file:line"; nil if there is none.
func sourcePath(md protoreflect.MethodDescriptor, place string) protoreflect.SourcePath {
	line, err := strconv.Atoi(place[strings.LastIndexByte(place, ':')+1:])
	if err != nil {
		return nil
	}
	locations := md.ParentFile().SourceLocations()
	within := locations.ByDescriptor(md).Path
	for i := range locations.Len() {
		l := locations.Get(i)
		if l.StartLine+1 == line && len(l.Path) >= len(within) && l.Path[:len(within)].Equal(within) {
			return l.Path
		}
	}
	return nil
}

func method(files *protoregistry.Files, name string) protoreflect.MethodDescriptor {
	full := strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", ".")
	d, err := files.FindDescriptorByName(protoreflect.FullName(full))
	if err != nil {
		return nil
	}
	md, _ := d.(protoreflect.MethodDescriptor)
	return md
}

func nonEmpty(parts ...string) []string {
	out := parts[:0]
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}
