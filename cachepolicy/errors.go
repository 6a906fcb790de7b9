package cachepolicy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// RuleError says why one field of one method's policy cannot be honoured.
//
// [FromRegistry], [Parse] and [ParseFor] report every fault at once: what they
// return unwraps (errors.As, or the Unwrap() []error of [errors.Join]) to
// RuleErrors. Those of a policy file are in the order of its lines, those of
// annotations by .proto file and in the order of its methods.
type RuleError struct {
	// File is the policy file and the line ("policy.yaml:7"), which of something
	// that is missing is the line of what it is missing in; or the .proto file of
	// an annotation, with the line where the descriptors have source positions: those that are
	// linked into a program have none.
	File string
	// Method is the full name on the wire, "/pkg.Service/Method". It is empty
	// where a fault belongs to a whole file.
	Method string
	// Field is the path of the field in proto names: within the method's policy
	// ("cache.groups[1]"), or, of what is outside of any policy, within the file
	// ("methods[2].method"). It is empty where a fault belongs to all of either.
	Field string
	// Reason says what is wrong, the limit and the value given.
	Reason string
	// Rule names the lint rule that found it, as [Check] and the buf plugin call it:
	// [RulePolicy] for what cannot be honoured.
	Rule string
}

// Error joins what is known: "file: method: field: reason".
func (e *RuleError) Error() string {
	parts := make([]string, 0, 4)
	for _, p := range []string{e.File, e.Method, e.Field, e.Reason} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return "cachepolicy: " + strings.Join(parts, ": ")
}

// faults collects what is wrong, so that all of it can be said at once.
type faults struct {
	file  string // the last one
	files int    // how many there were
	list  []fault
}

type fault struct {
	file int // the how many-th
	line int // 0: not known
	err  *RuleError
}

func (f *faults) add(file string, line int, method, field, reason string, args ...any) {
	if len(args) > 0 {
		reason = fmt.Sprintf(reason, args...)
	}
	f.put(file, line, &RuleError{Method: method, Field: field, Reason: reason, Rule: RulePolicy})
}

// put adds e, whose File is yet to be told. Files come one after the other.
func (f *faults) put(file string, line int, e *RuleError) {
	if file != f.file {
		f.file = file
		f.files++
	}
	e.File = file
	if line > 0 {
		e.File = fmt.Sprintf("%s:%d", file, line)
	}
	f.list = append(f.list, fault{f.files, line, e})
}

func (f *faults) err() error {
	slices.SortStableFunc(f.list, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	errs := make([]error, len(f.list))
	for i, x := range f.list {
		errs[i] = x.err
	}
	return errors.Join(errs...)
}
