package target

import (
	"fmt"
	"strings"
)

// maxFaults bounds how many faults one error spells out.
const maxFaults = 20

// Faults gathers everything that is wrong with one input, so that whoever wrote
// it mends it once. The zero value is ready. It keeps the first 20 and counts
// the others.
type Faults struct {
	first []error
	more  int
}

// Addf adds a fault, written as by [fmt.Errorf].
func (f *Faults) Addf(format string, args ...any) {
	if len(f.first) == maxFaults {
		f.more++
		return
	}
	f.first = append(f.first, fmt.Errorf(format, args...))
}

// Err returns nil when nothing is wrong, and otherwise one error on one line:
// the subject, a colon, and the faults with semicolons between them. One line,
// because it becomes the message of a call's status and a line of a log, where
// [errors.Join] would break it.
func (f *Faults) Err(subject string) error {
	if len(f.first) == 0 {
		return nil
	}
	return &faultsError{subject: subject, first: f.first, more: f.more}
}

type faultsError struct {
	subject string
	first   []error
	more    int
}

func (e *faultsError) Error() string {
	var b strings.Builder
	b.WriteString(e.subject)
	sep := ": "
	for _, err := range e.first {
		b.WriteString(sep + err.Error())
		sep = "; "
	}
	if e.more > 0 {
		fmt.Fprintf(&b, "; and %d more", e.more)
	}
	return b.String()
}

// Unwrap lets [errors.Is] and [errors.As] reach every fault that is kept.
func (e *faultsError) Unwrap() []error { return e.first }
