package store

import (
	"context"
	"time"
)

// Key names a value. It is a digest (SHA-256 over length-prefixed parts, when
// the cache interceptor makes it), never bytes of a request, and all of it
// counts: a store compares the 32 bytes, not a hash of them.
//
// The zero Key is a key like any other.
type Key [32]byte

// Store keeps byte slices under digests for a limited time.
//
// All methods are safe for concurrent use. A store in the same process may
// ignore ctx. A store that is reached over a network gives ctx.Err(), possibly
// wrapped, when ctx ends before its answer; whether the operation took effect
// is then unknown. After Close every method but Close gives [ErrClosed].
type Store interface {
	// Get returns the value that was last set under key, and true, or nil and
	// false when there is none, when its ttl has passed, or when the store has
	// given it up.
	//
	// The returned slice belongs to the caller, who may keep and change it: the
	// store holds no reference to it, and nothing that is done to the store
	// later changes it. An empty value may be returned as nil with true. When
	// the error is not nil, the other results are nil and false.
	Get(ctx context.Context, key Key) ([]byte, bool, error)

	// Set keeps a copy of value under key, instead of the value it had, for at
	// most ttl. The store may drop the value before, and Get does not return it
	// after.
	//
	// The slice stays the caller's, who may change it as soon as Set returns. A
	// nil value is an empty value. A ttl that is not positive is refused with
	// an error, and a value that the store can never hold with one that matches
	// [ErrTooLarge]; then the store is as it was, the former value of key and
	// all others included. After any other error key has its former value, the
	// new one, or none.
	Set(ctx context.Context, key Key, value []byte, ttl time.Duration) error

	// Delete removes the value of key. That there is none is no error.
	Delete(ctx context.Context, key Key) error

	// Close ends the store and gives back what it holds: memory, goroutines,
	// connections. Operations that run meanwhile end normally or with
	// ErrClosed. Closing again does nothing and returns nil.
	Close() error
}

// Sizer is implemented by a Store that can say how full it is. Both methods are
// safe for concurrent use, may take longer than a Get, are meant for
// statistics, and return 0 after Close.
type Sizer interface {
	// Len returns the number of entries held. It may count entries whose ttl
	// has passed until the store gets round to dropping them.
	Len() int

	// Bytes returns the memory in use, in bytes, with all that the store needs
	// beside the values themselves.
	Bytes() int64
}

// Toucher is implemented by a Store that gives up first what is not used, and by
// which a cache that answers from elsewhere, from a copy that it keeps, says that
// the value was used all the same.
type Toucher interface {
	// Touch counts as a Get of key that found its value, if there is one, and
	// does nothing after Close. It is safe for concurrent use.
	Touch(key Key)
}
