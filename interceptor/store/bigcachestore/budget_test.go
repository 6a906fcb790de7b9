package bigcachestore_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

// workload says how many bytes the i-th value written has.
type workload struct {
	name string
	size func(i uint64) int
}

var workloads = []workload{
	{"100 B", func(uint64) int { return 100 }},
	{"1 KiB", func(uint64) int { return kib }},
	{"64 KiB", func(uint64) int { return 64 * kib }},
	{"mixed", func(i uint64) int { return []int{0, 100, kib, 300, 5 * kib, 20 * kib, 64 * kib, 50}[i%8] }},
	{"tiny, then large", func(i uint64) int { return []int{10, 60 * kib}[i/4096%2] }},
}

// TestBudget writes ten budgets of values (three of the largest, which takes long)
// and compares the heap with the budget, and with what Bytes says, on the way and
// at the end. It also wants the store to be full in the end: a budget that is not
// used is not kept either.
func TestBudget(t *testing.T) {
	budgets := []int64{mib, 3 * mib, 10*mib + 1, 64 * mib}
	if testing.Short() || raceEnabled {
		budgets = budgets[:2]
	}
	for _, budget := range budgets {
		for _, w := range workloads {
			t.Run(fmt.Sprintf("%d MiB of %s", budget/mib, w.name), func(t *testing.T) {
				base := heap()
				s := newStore(t, budget)
				within(t, s, budget, "new", heap()-base)
				written, limit := int64(0), s.MaxValueBytes()
				value := make([]byte, limit)
				base += int64(limit)
				rounds := uint64(10)
				if budget > 16*mib {
					rounds = 3
				}
				for round := range rounds {
					for i := uint64(0); written < budget*int64(round+1); i++ {
						v := value[:min(w.size(i), limit)]
						mustSet(t, s, key(i<<8|round), v)
						written += int64(max(len(v), 100))
					}
					if round%3 == 0 {
						within(t, s, budget, fmt.Sprintf("round %d", round), heap()-base)
					}
				}
				held := heap() - base
				within(t, s, budget, "end", held)
				if held < budget*70/100 {
					t.Errorf("end: heap of %d bytes, want at least 70%% of the budget of %d", held, budget)
				}
				runtime.KeepAlive(value)
			})
		}
	}
}

// within checks that the heap is at most the budget, give or take a small part
// for what Go's allocator and this test do, and that Bytes tells the truth.
func within(t *testing.T, s *bigcachestore.Store, budget int64, when string, held int64) {
	t.Helper()
	said := s.Bytes()
	if slack := budget / 50; held > budget+slack {
		t.Errorf("%s: heap of %d bytes, want at most the budget of %d", when, held, budget)
	}
	if said > budget {
		t.Errorf("%s: Bytes() = %d, want at most the budget of %d", when, said, budget)
	}
	if off := held - said; off > budget/20 || off < -budget/20 {
		t.Errorf("%s: Bytes() = %d, but the heap grew by %d", when, said, held)
	}
}

// heap returns the bytes of live objects. sync.Pool needs the second collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestNewIsCheap checks what a store costs before it holds anything.
func TestNewIsCheap(t *testing.T) {
	for _, budget := range []int64{mib, 64 * mib, 256 * mib} {
		base := heap()
		s := newStore(t, budget)
		held := heap() - base
		if held > budget*30/100 {
			t.Errorf("a new store of %d bytes has a heap of %d, want at most 30%%", budget, held)
		}
		if got := s.Len(); got != 0 {
			t.Errorf("Len() of a new store = %d, want 0", got)
		}
	}
}

func TestCloseFreesMemory(t *testing.T) {
	const budget = 16 * mib
	base := heap()
	s := newStore(t, budget)
	for i := range uint64(16 * kib) {
		mustSet(t, s, key(i), make([]byte, kib))
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close() = %v, want nil", err)
	}
	if held := heap() - base; held > mib {
		t.Errorf("a closed store holds %d bytes, want next to none", held)
	}
	runtime.KeepAlive(s)
}

// TestOverwritesStayInBudget overwrites a few hot keys a million times among
// others that are set once, which is what makes an index or a queue leak.
func TestOverwritesStayInBudget(t *testing.T) {
	const budget = 2 * mib
	n := uint64(1_000_000)
	if testing.Short() {
		n = 100_000
	}
	base := heap()
	s := newStore(t, budget)
	value := make([]byte, 300)
	for i := range n {
		k := key(i % 100)
		if i%10 == 0 {
			k = key(i + 1000)
		}
		mustSet(t, s, k, value)
		if i%50 == 0 {
			if err := s.Delete(ctx, key(i%77)); err != nil {
				t.Fatalf("Delete = %v, want nil", err)
			}
		}
	}
	within(t, s, budget, "end", heap()-base)
	for i := range uint64(100) {
		k := key((n - 1 - i) % 100)
		if (n-1-i)%10 == 0 {
			continue
		}
		if _, found := mustGet(t, s, k); !found && i < 20 {
			t.Errorf("the value set %d before the last is not found", i)
		}
	}
}

// TestNewestStay checks that what makes room is the oldest, where nothing is used
// and everything is asked for twice, and that a good part of the budget is room
// for values.
func TestNewestStay(t *testing.T) {
	const budget = 8 * mib
	s := newStore(t, budget)
	const n = 30_000
	for i := range uint64(n) {
		mustSet(t, s, key(i), make([]byte, kib))
		mustSet(t, s, key(i), make([]byte, kib))
	}
	const recent = budget / kib * 30 / 100 // a value set twice takes the room of two
	for i := uint64(n - recent); i < n; i++ {
		if _, found := mustGet(t, s, key(i)); !found {
			t.Fatalf("value %d of %d is not found, want the last %d", i, n, recent)
		}
	}
	if n := s.Len(); n > budget/kib {
		t.Errorf("Len() = %d, more than the budget can hold", n)
	}
}
