package bigcachestore_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

// TestAllocations pins what a hit and a fill cost: the value and BigCache's copy
// of the key, and nothing; and two copies more for each entry that makes room.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	s := newStore(t, 8*mib)
	value := make([]byte, kib)
	for i := range uint64(20_000) { // until the queues have grown
		mustSet(t, s, key(i), value)
	}
	roomy := newStore(t, 8*mib)
	large := make([]byte, 32*kib)
	present, absent := key(0), key(1<<40)
	fresh := store.Key{}
	for range 2 {
		mustSet(t, s, present, value)
	}
	for _, tt := range []struct {
		name string
		want float64
		op   func() error
	}{
		{"hit", 2, func() error { _, _, err := s.Get(ctx, present); return err }},
		{"miss", 0, func() error { _, _, err := s.Get(ctx, absent); return err }},
		{"set that replaces", 2, func() error { return s.Set(ctx, present, value, time.Hour) }},
		{"set that is not admitted", 0, func() error {
			fresh[0], fresh[1] = fresh[0]+1, fresh[1]+fresh[0]/255
			return s.Set(ctx, fresh, value, time.Hour)
		}},
		{"set where there is room", 0, func() error { return roomy.Set(ctx, present, value, time.Hour) }},
		{"set of 32 KiB where there is room", 0, func() error { return roomy.Set(ctx, present, large, time.Hour) }},
		{"delete of nothing", 0, func() error { return s.Delete(ctx, absent) }},
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := tt.op(); err != nil {
				t.Fatalf("%s = %v, want nil", tt.name, err)
			}
		})
		if got != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.want)
		}
	}
}
