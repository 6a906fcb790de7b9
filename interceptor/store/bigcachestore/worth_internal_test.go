package bigcachestore

import (
	"math/rand/v2"
	"testing"
)

// TestSeenWindow: what was added is known within half of the window, and hardly
// anything beyond three times of it; and what was never added is not.
func TestSeenWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const slots = 8192
	for _, window := range []int{slots / 4, 3000, slots} {
		s := newSeen(slots)
		recent, old, strangers := 0, 0, 0
		hashes := make([]uint64, 4*window)
		for i := range hashes {
			hashes[i] = r.Uint64()
			if s.add(hashes[i], window) {
				strangers++
			}
		}
		if strangers > len(hashes)/500 {
			t.Errorf("window %d: %d of %d strangers were taken for known", window, strangers, len(hashes))
		}
		const tries = 200
		probe := func(ago int) (known int) {
			for i := range tries {
				c := append(seen(nil), s...)
				if c.add(hashes[len(hashes)-ago-i], window) {
					known++
				}
			}
			return known
		}
		recent, old = probe(window/4), probe(3*window)
		if recent < tries*8/10 {
			t.Errorf("window %d: %d of %d are known after a quarter of it", window, recent, tries)
		}
		if old > tries*2/10 {
			t.Errorf("window %d: %d of %d are known after three times of it", window, old, tries)
		}
	}
}

// TestUsedMarks: a mark is taken once, and few entries share one.
func TestUsedMarks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const slots = 8192
	u := newUsed(slots)
	marked := make([]uint64, slots/4)
	for i := range marked {
		marked[i] = r.Uint64()
		u.mark(marked[i])
		u.mark(marked[i])
	}
	strangers := 0
	for range 1000 {
		if u.take(r.Uint64()) {
			strangers++
		}
	}
	if strangers > 50 {
		t.Errorf("%d of 1000 that were not used share a mark with one that was, want about 31", strangers)
	}
	lost := 0
	for _, h := range marked {
		if !u.take(h) {
			lost++
		}
		if u.take(h) {
			t.Fatalf("the mark of %#x was taken twice", h)
		}
	}
	if lost > len(marked)/16 {
		t.Errorf("%d of %d marks were taken with others", lost, len(marked))
	}
}
