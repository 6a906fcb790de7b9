package eject_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func wantShare(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s the share is %v, want %v to %v", what, got, low, high)
	}
}

func TestShareWithoutHistory(t *testing.T) {
	c := eject.Config{}.WithDefaults()
	wantShare(t, "of the zero value", new(eject.State).Share(5, &c), 1, 1)
}

func TestSlowStart(t *testing.T) {
	for _, tt := range []struct {
		name       string
		c          eject.SlowStart
		first, mid float64 // at once; after half of the window
	}{
		{"default", eject.SlowStart{}, 0.1, 0.5},
		{"steep", eject.SlowStart{Aggression: 2}, 0.1, math.Sqrt(0.5)},
		{"flat", eject.SlowStart{Aggression: 0.5}, 0.1, 0.25},
		{"from a higher share", eject.SlowStart{MinPercent: 60}, 0.6, 0.6},
		{"long", eject.SlowStart{Window: time.Minute}, 0.1, 0.5},
		{"off", eject.SlowStart{Window: -1}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := eject.Config{SlowStart: tt.c}.WithDefaults()
			window := int64(max(c.SlowStart.Window, 0))
			rng := rand.New(rand.NewPCG(1, 2))
			var sum float64
			const n = 1000
			for range n {
				var s eject.State
				s.Arrived(0, rng.Uint64())
				wantShare(t, "at once", s.Share(0, &c), tt.first, tt.first)
				wantShare(t, "before the arrival", s.Share(-second, &c), tt.first, tt.first)
				sum += s.Share(window/2, &c)
				wantShare(t, "at the end", s.Share(window*5/4, &c), 1, 1)
			}
			wantShare(t, "on average, after half of the window,", sum/n, tt.mid*0.97, tt.mid*1.08)
		})
	}
}

// Clients whose jitter differs do not ramp in step, and no two windows differ by more than
// a quarter from the configured one.
func TestSlowStartJitter(t *testing.T) {
	c := eject.Config{}.WithDefaults()
	low, high := math.Inf(1), math.Inf(-1)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		var s eject.State
		s.Arrived(0, rng.Uint64())
		share := s.Share(5*second, &c)
		low, high = min(low, share), max(high, share)
	}
	wantShare(t, "at least", low, 0.4, 0.41)
	wantShare(t, "at most", high, 0.66, 0.667)
}

// When all have arrived together, nobody is held back.
func TestSlowStartOfTheWholeFleet(t *testing.T) {
	f := newFleet(10, eject.Config{})
	for i, s := range f.states {
		s.Arrived(f.now, uint64(i))
	}
	if got := f.sweep().Starting; got != 10 {
		t.Errorf("%d are starting, want 10", got)
	}
	for i, s := range f.states {
		if got := s.Share(f.now, &f.c); got != 1 {
			t.Errorf("endpoint %d has the share %v, want 1", i, got)
		}
	}
	f.wait(5 * time.Second)
	late := new(eject.State)
	f.states = append(f.states, late)
	late.Arrived(f.now, 7)
	f.sweep()
	top := 0.0
	for _, s := range f.states[:10] {
		share := s.Share(f.now, &f.c)
		wantShare(t, "of those that came first", share, 0.59, 1)
		top = max(top, share)
	}
	wantShare(t, "of the best", top, 1, 1)
	wantShare(t, "of the one that came late", late.Share(f.now, &f.c), 0.15, 0.25)
	f.wait(13 * time.Second)
	if got := f.sweep().Starting; got != 0 {
		t.Errorf("%d are starting after the window, want 0", got)
	}
}

// Beside a warm endpoint new ones are held back, however many they are.
func TestSlowStartBesideOneWarm(t *testing.T) {
	f := newFleet(10, eject.Config{})
	for i, s := range f.states[1:] {
		s.Arrived(f.now, uint64(i))
	}
	f.sweep()
	wantShare(t, "of the warm one", f.states[0].Share(f.now, &f.c), 1, 1)
	for _, s := range f.states[1:] {
		wantShare(t, "of the new ones", s.Share(f.now, &f.c), 0.1, 0.1)
	}
}

func TestGradualReturn(t *testing.T) {
	f := ejected(t, eject.Config{})
	f.pass(t, 0)
	back := f.now
	f.sweep()
	for _, tt := range []struct {
		after time.Duration
		want  float64
	}{{0, 0.1}, {time.Second, 0.1}, {5 * time.Second, 0.5}, {9 * time.Second, 0.9}, {10 * time.Second, 1}} {
		f.now = back + int64(tt.after)
		wantShare(t, tt.after.String()+" after the return", f.states[0].Share(f.now, &f.c), tt.want-1e-9, tt.want+1e-9)
	}
	wantShare(t, "of the others", f.states[1].Share(back, &f.c), 1, 1)
}
