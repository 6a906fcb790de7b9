package bigcachestore_test

import (
	"testing"
	"time"
)

// TestAllocations pins what a hit and a fill cost: the value and BigCache's copy
// of the key, and nothing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	s := newStore(t, 8*mib)
	value := make([]byte, kib)
	for i := range uint64(20_000) { // until the queues have grown
		mustSet(t, s, key(i), value)
	}
	large := make([]byte, 32*kib)
	present, absent := key(19_999), key(1<<40)
	for _, tt := range []struct {
		name string
		want float64
		op   func() error
	}{
		{"hit", 2, func() error { _, _, err := s.Get(ctx, present); return err }},
		{"miss", 0, func() error { _, _, err := s.Get(ctx, absent); return err }},
		{"set", 0, func() error { return s.Set(ctx, present, value, time.Hour) }},
		{"set of 32 KiB", 0, func() error { return s.Set(ctx, present, large, time.Hour) }},
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
