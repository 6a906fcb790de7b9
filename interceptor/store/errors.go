package store

import "errors"

var (
	// ErrClosed is what every operation on a closed store gives, as matched by
	// errors.Is.
	ErrClosed = errors.New("store: closed")

	// ErrTooLarge is what Set gives, as matched by errors.Is, for a value that
	// the store cannot hold however empty it is. Nothing was evicted for the
	// attempt.
	ErrTooLarge = errors.New("store: value too large")
)
