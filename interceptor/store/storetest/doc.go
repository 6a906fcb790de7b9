// Package storetest checks that a store.Store does what the interface promises.
// Whoever writes a store calls Run in a test of theirs:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store {
//			s, err := mystore.Open(t.TempDir())
//			if err != nil {
//				t.Fatal(err)
//			}
//			return s
//		}, storetest.WithMaxValueBytes(1<<20))
//	}
//
// # How it decides
//
// Each rule of the interface is a subtest with a store of its own, which Run
// closes at its end. Keys are drawn at random for each Run, so that stores over
// one shared backend do not meet; the seed is logged. A subtest runs in a
// testing/synctest bubble, where waiting for a ttl takes no time and its last
// nanosecond can be told from the first one after it. A store that talks to
// another process cannot live in a bubble, and says so by [WithRealTime].
//
// A store may forget entries when it likes, but one that forgets some of a few
// hundred small values at once is no use, and fails.
//
// Run under the race detector to see slices that a store shares with its
// callers.
package storetest
