package wire

import (
	"errors"
	"fmt"
)

var (
	// ErrMalformed is wrapped by every error that says a text breaks the grammar
	// of its field.
	ErrMalformed = errors.New("malformed")
	// ErrLimit is wrapped by every error that says a group field is larger than
	// is read: see [MaxGroups], [MaxGroupBytes] and [MaxGroupFieldBytes].
	ErrLimit = errors.New("over the limit")
)

// shown is how many bytes of a faulty text an error shows.
const shown = 40

// malformed makes an error wrapping ErrMalformed.
func malformed(field, want, got string) error {
	if len(got) > shown {
		got = got[:shown]
	}
	return fmt.Errorf("wire: %w %s: %s, got %q", ErrMalformed, field, want, got)
}

// overLimit makes an error wrapping ErrLimit.
func overLimit(what string, limit, got int) error {
	return fmt.Errorf("wire: %w: %s must be at most %d, got %d", ErrLimit, what, limit, got)
}
