package bigcachestore

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlan checks, over all budgets, what the rest relies on.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.OneOf(
			rapid.Int64Range(leastMaxBytes, 100<<20),
			rapid.Int64Range(leastMaxBytes, mostMaxBytes),
			rapid.SampledFrom([]int64{leastMaxBytes, defaultMaxBytes, mostMaxBytes}),
		).Draw(t, "budget")
		sh := plan(budget)

		if sh.shards&(sh.shards-1) != 0 || sh.used < 1 || sh.used > sh.shards {
			t.Fatalf("%+v: %d of %d shards in use", sh, sh.used, sh.shards)
		}
		most := int64(sh.used)*sh.fullCost() + int64(sh.shards-sh.used)*sh.idleCost()
		if most > budget {
			t.Fatalf("%+v: costs %d when full, want at most %d", sh, most, budget)
		}
		least := budget * 49 / 100 // whole MiB over whole shards are coarse steps for a small budget
		if budget >= 16<<20 {
			least = budget * 74 / 100
		}
		if sh.queueBytes() < least {
			t.Fatalf("%+v: %d bytes of queue in a budget of %d, want at least %d", sh, sh.queueBytes(), budget, least)
		}
		if sh.queue != sh.queueMiB<<20/sh.shards {
			t.Fatalf("%+v: BigCache would make queues of %d", sh, sh.queueMiB<<20/sh.shards)
		}
		if entries := (sh.queue - 1) / sh.grain; entries > sh.slots/2 {
			t.Fatalf("%+v: %d entries fit in a queue, its index has %d slots", sh, entries, sh.slots)
		}
		if sh.grain < leastGrain || sh.grain > 2*leastGrain {
			t.Fatalf("%+v: grain of %d, want between %d and %d", sh, sh.grain, leastGrain, 2*leastGrain)
		}
		if sh.maxValue() < 16<<10 {
			t.Fatalf("%+v: the largest value has %d bytes", sh, sh.maxValue())
		}
	})
}

// TestQueueGrowsToItsFullSize follows BigCache's doubling: at no size but the
// full one may the largest entry find no room, or entries would be evicted from
// a queue that has yet to grow.
func TestQueueGrowsToItsFullSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sh := plan(rapid.Int64Range(leastMaxBytes, 4<<30).Draw(t, "budget"))
		c := sh.firstQueue()
		if c < sh.maxBlock {
			t.Fatalf("%+v: starts with %d bytes, less than an entry of %d", sh, c, sh.maxBlock)
		}
		for ; c < sh.queue; c *= 2 {
			if c+sh.maxBlock >= sh.queue {
				t.Fatalf("%+v: stops growing at %d of %d", sh, c, sh.queue)
			}
		}
	})
}

// TestQueuesFill writes values of the largest and of other sizes until the
// queues are as large as planned, to the byte.
func TestQueuesFill(t *testing.T) {
	for _, n := range []int{0, 100, 1000, 21_000} {
		s, err := New(WithMaxBytes(1 << 20))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		for i := range 20_000 {
			k := [32]byte{byte(i), byte(i >> 8)}
			if err := s.Set(t.Context(), k, make([]byte, n), 1e9); err != nil {
				t.Fatalf("Set of %d bytes = %v, want nil", n, err)
			}
		}
		sh := s.shape
		want := sh.used*sh.queue + (sh.shards-sh.used)*sh.firstQueue()
		if got := s.cache.Capacity(); got != want {
			t.Errorf("values of %d bytes: queues of %d bytes, want %d", n, got, want)
		}
		if entries := s.Len(); entries > sh.used*sh.slots/2 {
			t.Errorf("values of %d bytes: %d entries over an index of %d slots", n, entries, sh.used*sh.slots)
		}
	}
}

// TestHasher: no key is indexed under 0 or lives in a shard that is not in use,
// and the rest of its hash is left alone.
func TestHasher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := uint64(1) << rapid.IntRange(0, 10).Draw(t, "bits")
		used := rapid.Uint64Range(1, shards).Draw(t, "used")
		x := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 2*shards)).Draw(t, "hash")
		h := hasher{sum: func(string) uint64 { return x }, shards: shards, used: used}
		got := h.Sum64("")
		if got == 0 || got&(shards-1) >= used {
			t.Fatalf("%#x becomes %#x with %d of %d shards in use", x, got, used, shards)
		}
		if got&^(shards-1) != x&^(shards-1) && got != 1<<63 {
			t.Fatalf("%#x becomes %#x, want the same above the %d shards", x, got, shards)
		}
	})
}
