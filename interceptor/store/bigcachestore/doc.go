// Package bigcachestore keeps cached replies in this process, within a budget of
// bytes, on BigCache v3. It is the default store of the cache interceptor.
//
//	s, err := bigcachestore.New(bigcachestore.WithMaxBytes(256 << 20))
//	if err != nil {
//		return err // the budget is out of its limits
//	}
//	defer s.Close()
//	err = s.Set(ctx, key, reply, time.Minute)
//	reply, found, err := s.Get(ctx, key)
//
// BigCache copies entries into a few large byte slices, so the garbage collector
// has nothing to walk: a collection with a million entries of 1 KiB costs what
// one with none does. This package adds what BigCache leaves to its user.
//
// # How it decides
//
// What comes in. While nothing has to make room, everything. In a full store a
// value is kept if its key was lately asked to be kept before: within about three
// times as many other keys as the store holds entries. So what is asked for once,
// a scan, pushes nothing out. A value whose key is held replaces the old one in
// any case, and what expired entries or deleted ones have left is for everyone.
//
// What goes. Each shard of BigCache is a ring: when one is full, its oldest
// entries leave. Those that were used since they came in, by Get or [Store.Touch],
// are put back at the new end, at most 16 a Set; the others are gone (first in,
// first out with a second chance, as in the clock algorithm). Both cost 3 bytes a
// slot of the index: 16 bits of each key seen, and a bit for each entry used.
//
// What is counted. BigCache bounds its queues alone. Here the budget is an upper
// bound of the whole heap of the store:
//
//	budget >= shards in use × (queue + index + keys seen + largest entry) + shards not in use
//
// where the index is a Go map of 18 bytes a slot at most half full, and the
// largest entry, a twelfth of a queue, is BigCache's buffer for wrapping one. For
// the index to have a bound each entry is charged at least 256 to 512 bytes of
// queue, 432 with the default budget; 62 bytes of it, or of a larger entry, are
// digest, hash, times and lengths. With the default of 64 MiB there are 16
// shards with 54 MiB of queue, and a value may have 294,845 bytes. A new store
// takes about a fifth of its budget; queues then double as they fill, at most
// four times, which is the only work in a Set that is not proportional to its
// value.
//
// What has expired. Each entry has its own deadline, in nanoseconds of the
// monotonic clock since New. So a change of the wall clock neither prolongs nor
// ends a life; and as the clock stops while a Linux machine is suspended, so do
// the lifetimes. BigCache's own window, one for all, in whole seconds of the wall
// clock, and not looked at by its Get, is not used.
//
// # Guarantees
//
// Those of [store.Store], and:
//
//   - The heap held stays within the budget, whatever the sizes and however many
//     entries were written. Tests measure it: of 1, 3, 10 and 64 MiB a full store
//     takes 86 % to 99 %, a new one 18 % to 24 %. [Store.Bytes] says what it is.
//   - A value that is too large is refused before BigCache sees it, which would
//     empty a whole shard before it noticed.
//   - Keys are indexed under 64 bits of a hash whose key is drawn for each store,
//     and compared in full. Two keys with the same 64 bits displace one another:
//     a miss, never another key's value, and no Delete takes the wrong one.
//   - Get allocates twice, the value and BigCache's copy of the key; Set, once the
//     queues have grown, not at all for values up to 32 KiB, and twice for each
//     entry that makes room, which BigCache copies to hand it over.
//   - There is no goroutine, and nothing is logged.
//
// # Failure
//
// No panic of BigCache is known that its use here can provoke. Should there be
// one, the operation gives an error, all entries are dropped, and the store goes
// on with an empty BigCache: the locks of the old one would never be released.
package bigcachestore
