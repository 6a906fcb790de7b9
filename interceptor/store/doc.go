// Package store defines where cached replies are kept: a flat map from a
// digest to bytes, with a lifetime per entry.
//
// A cache that is built over a Store decides everything about freshness itself.
// A Store only remembers, for a bounded time and in bounded space, and it may
// forget at any moment:
//
//	if err := s.Set(ctx, key, reply, time.Minute); err != nil {
//		// not kept: the reply is still good, the next call asks again
//	}
//	value, found, err := s.Get(ctx, key)
//	if err != nil || !found {
//		// a miss
//	}
//
// # How it decides
//
// Nothing here looks into a value or at the meaning of a key. Keys are digests
// of fixed size, so that a store neither learns what was asked for nor depends
// on how long a question was, and so that nobody can choose a key. A store
// decides two things alone: what to give up when space is short, and whether a
// value is too large for it.
//
// # Guarantees
//
// Every Store gives these, and package storetest checks them:
//
//   - A Get that starts after a Set of its key has returned nil gives that
//     value, a later one, or nothing. It never gives an earlier value, a part of
//     a value, or the value of another key.
//   - A Get that starts after a Delete of its key has returned nil never gives
//     a value that was set before.
//   - A value is not returned any more once its ttl has passed.
//   - A Set that is refused, because of its ttl or its size, changes nothing.
//   - Slices are never shared between a store and its callers.
//   - All methods may be called at the same time from many goroutines.
//
// # Failure
//
// A store may fail. What uses it treats an error of Get as a miss and an error
// of Set as a value that was not kept, counts both, and goes on: no call fails
// because of a store. [ErrClosed] and [ErrTooLarge] can be told apart from
// faults by [errors.Is].
//
// Package bigcachestore keeps the bytes in this process and is the default.
package store
