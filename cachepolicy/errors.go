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
	// an annotation.
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
	list []fault
}

type fault struct {
	line int // in a policy file; 0: not known
	err  *RuleError
}

func (f *faults) add(file string, line int, method, field, reason string, args ...any) {
	if len(args) > 0 {
		reason = fmt.Sprintf(reason, args...)
	}
	if line > 0 {
		file = fmt.Sprintf("%s:%d", file, line)
	}
	f.list = append(f.list, fault{line, &RuleError{File: file, Method: method, Field: field, Reason: reason}})
}

func (f *faults) err() error {
	slices.SortStableFunc(f.list, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	errs := make([]error, len(f.list))
	for i, x := range f.list {
		errs[i] = x.err
	}
	return errors.Join(errs...)
}
