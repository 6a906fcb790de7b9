package bigcachestore_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

// fill sets values of 1 KiB under keys from a number on until the store holds no
// more, and returns how many it set.
func fill(t *testing.T, s *bigcachestore.Store, from uint64) uint64 {
	t.Helper()
	n := uint64(0)
	for last := -1; ; n++ {
		mustSet(t, s, key(from+n), make([]byte, kib))
		if n%500 == 499 {
			if s.Len() == last {
				return n
			}
			last = s.Len()
		}
	}
}

// held counts the keys from a number on that the store has, and uses them.
func held(t *testing.T, s store.Store, from, n uint64) int {
	t.Helper()
	found := 0
	for i := from; i < from+n; i++ {
		if _, ok := mustGet(t, s, key(i)); ok {
			found++
		}
	}
	return found
}

func TestRoomIsForEveryone(t *testing.T) {
	s := newStore(t, 4*mib)
	const n = 2000 // of 1 KiB, over half of the budget
	for i := range uint64(n) {
		mustSet(t, s, key(i), make([]byte, kib))
		if _, found := mustGet(t, s, key(i)); !found {
			t.Fatalf("value %d is not kept although there is room", i)
		}
	}
	if got := held(t, s, 0, n); got != n {
		t.Errorf("%d of %d values are kept although there is room", got, n)
	}
}

// TestAskedForTwice: a full store keeps what is set a second time soon, and does
// not make room for the rest.
func TestAskedForTwice(t *testing.T) {
	s := newStore(t, 4*mib)
	n := fill(t, s, 0)
	const once, twice = 1 << 32, 1 << 33
	for i := range uint64(500) {
		mustSet(t, s, key(once+i), make([]byte, kib))
		mustSet(t, s, key(twice+i), make([]byte, kib))
	}
	for i := range uint64(500) {
		mustSet(t, s, key(twice+i), make([]byte, kib))
	}
	if got := held(t, s, once, 500); got > 5 {
		t.Errorf("%d of 500 values that were set once are kept in a full store", got)
	}
	if got := held(t, s, twice, 500); got != 500 {
		t.Errorf("%d of 500 values that were set twice are kept", got)
	}
	if got := held(t, s, 0, n); got == 0 {
		t.Error("nothing is kept of what was there before")
	}
}

// TestUsedStay: of what reaches the old end of the queue the used goes round once
// more, by Get or by Touch, and the rest makes room.
func TestUsedStay(t *testing.T) {
	s := newStore(t, 4*mib)
	const hot, warm, cold = 0, 1 << 32, 1 << 33
	for i := range uint64(300) {
		mustSet(t, s, key(hot+i), make([]byte, kib))
		mustSet(t, s, key(warm+i), make([]byte, kib))
		mustSet(t, s, key(cold+i), make([]byte, kib))
	}
	fill(t, s, 1<<34)
	for round := range uint64(5) {
		for i := range uint64(300) {
			mustGet(t, s, key(hot+i))
			s.Touch(key(warm + i))
		}
		for i := range uint64(700) { // twice they are less than the queue holds
			for range 2 {
				mustSet(t, s, key(1<<35+round*10_000+i), make([]byte, kib))
			}
		}
	}
	if got := held(t, s, hot, 300); got < 285 { // some share a mark with others
		t.Errorf("%d of 300 values that Get has asked for are kept", got)
	}
	if got := held(t, s, warm, 300); got < 285 {
		t.Errorf("%d of 300 values that were touched are kept", got)
	}
	if got := held(t, s, cold, 300); got > 30 {
		t.Errorf("%d of 300 values that nobody has asked for are kept", got)
	}
}

// TestUsedOnceLeave: a use counts for one round, not for ever.
func TestUsedOnceLeave(t *testing.T) {
	s := newStore(t, 4*mib)
	n := fill(t, s, 0)
	held(t, s, 0, n)
	for i := range 5 * n {
		for range 2 {
			mustSet(t, s, key(1<<33+i), make([]byte, kib))
		}
	}
	if got := held(t, s, 0, n); got > 0 {
		t.Errorf("%d of %d values are kept that were used once, long ago", got, n)
	}
}

// TestExpiredMakeRoom: once the expired are met at the old end of the queue,
// nobody is kept out, whether they were used or not.
func TestExpiredMakeRoom(t *testing.T) {
	s := newStore(t, 4*mib)
	var now time.Duration
	s.SetClock(func() time.Duration { return now })
	n := fill(t, s, 0)
	held(t, s, 0, n)
	now += 2 * time.Hour
	for i := range uint64(50) {
		for range 2 {
			mustSet(t, s, key(1<<33+i), make([]byte, kib))
		}
	}
	const from, some = 1 << 34, 1500
	for i := range uint64(some) {
		mustSet(t, s, key(from+i), make([]byte, kib))
	}
	if got := held(t, s, from, some); got < some*9/10 {
		t.Errorf("%d of %d values are kept where others had expired", got, some)
	}
}

// TestNothingComesBack deletes and replaces values just before and just after
// they go round in the queue, in a store in which everything is used.
func TestNothingComesBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := newStore(t, mib)
	const keys = 1500 // of 500 B to 1 KiB, about twice the budget
	last := map[uint64]byte{}
	for n := range 200_000 {
		i := r.Uint64N(keys)
		switch r.IntN(8) {
		case 0:
			if err := s.Delete(ctx, key(i)); err != nil {
				t.Fatalf("Delete = %v, want nil", err)
			}
			delete(last, i)
		case 1, 2:
			v := make([]byte, 500+r.IntN(500))
			v[0] = byte(n%255 + 1)
			mustSet(t, s, key(i), v)
			last[i] = v[0]
		default:
			if v, found := mustGet(t, s, key(i)); found && v[0] != last[i] {
				t.Fatalf("operation %d: Get of key %d gave version %d, want %d or nothing", n, i, v[0], last[i])
			}
		}
	}
	if got := held(t, s, 0, keys); got < 400 {
		t.Errorf("only %d keys are held in the end", got)
	}
}
