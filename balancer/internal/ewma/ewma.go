// Package ewma holds exponentially weighted averages that many goroutines feed
// and read without a lock.
//
//	var c ewma.Cell
//	c.Peak(ewma.At(now), 5e6, ewma.Ticks(10*time.Second))
//	v, ok := c.Decayed(ewma.At(now), ewma.Ticks(10*time.Second))
//
// A [Cell] is one machine word: the average as a float32 and the tick of its
// last change. So a reader always sees a pair that belongs together, and a
// writer needs one compare-and-swap. A float32 carries 7 digits, a tick is
// about a millisecond. It wraps after 52 days, so that a value of which nothing
// was heard for 52 days to the second looks new until it has decayed again.
//
// With d the time since the last change and tau the time constant, a value
// decays by exp(-d/tau). [Cell.Peak] is Finagle's peak-EWMA: a sample above the
// decayed value replaces it, one below moves it by 1-exp(-d/tau).
package ewma

import (
	"math"
	"sync/atomic"
	"time"
)

// tickShift makes a tick of 2^20 ns, about 1.05 ms.
const tickShift = 20

// Tick is a moment, in ticks since an arbitrary base; 0 never occurs.
type Tick uint32

// At is the tick of a moment that is given in nanoseconds since the base.
func At(ns int64) Tick {
	t := Tick(ns>>tickShift) + 1
	if t == 0 {
		return 1
	}
	return t
}

// Ticks is a duration as a time constant, which is at least one tick.
func Ticks(d time.Duration) float64 {
	return max(float64(d)/(1<<tickShift), 1)
}

// lag is how far, in ticks, a clock reading may be behind that of another
// goroutine, which overtook it: about 4 s. All else that looks like the future is
// more than half a turn of the ticks in the past.
const lag = 1 << 12

// decay is what is left of a value after the time from a to b. A clock reading
// that another goroutine overtook counts as no time.
func decay(a, b Tick, tau float64) float64 {
	d := b - a
	if d == 0 || -d <= lag {
		return 1
	}
	return math.Exp(-float64(d) / tau)
}

// Cell is an average of positive samples. The zero value is empty.
type Cell struct {
	word atomic.Uint64
}

func pack(v float64, t Tick) uint64 {
	return uint64(math.Float32bits(float32(v)))<<32 | uint64(t)
}

func unpack(w uint64) (float64, Tick) {
	return float64(math.Float32frombits(uint32(w >> 32))), Tick(w)
}

// Load returns the value as it was last changed, and false if there is none.
func (c *Cell) Load() (float64, bool) {
	w := c.word.Load()
	v, _ := unpack(w)
	return v, w != 0
}

// Decayed returns the value after its decay up to now, and false if there is none.
func (c *Cell) Decayed(now Tick, tau float64) (float64, bool) {
	w := c.word.Load()
	if w == 0 {
		return 0, false
	}
	v, t := unpack(w)
	return v * decay(t, now, tau), true
}

// Weighed returns the value and the weight in (0, 1] that its age leaves it, and
// a weight of 0 if there is none.
func (c *Cell) Weighed(now Tick, tau float64) (v, weight float64) {
	w := c.word.Load()
	if w == 0 {
		return 0, 0
	}
	v, t := unpack(w)
	return v, decay(t, now, tau)
}

// Seed sets the value of an empty cell.
func (c *Cell) Seed(now Tick, v float64) {
	c.word.CompareAndSwap(0, pack(v, now))
}

// update replaces the word by what next makes of it, unless next keeps it.
func (c *Cell) update(now Tick, next func(v float64, t Tick, empty bool) (float64, bool)) {
	for {
		w := c.word.Load()
		v, t := unpack(w)
		n, changed := next(v, t, w == 0)
		if !changed || c.word.CompareAndSwap(w, pack(n, now)) {
			return
		}
	}
}

// Peak adds sample x to a peak-EWMA.
func (c *Cell) Peak(now Tick, x, tau float64) {
	c.update(now, func(v float64, t Tick, empty bool) (float64, bool) {
		left := decay(t, now, tau)
		if empty || x > v*left {
			return x, true
		}
		return v*left + x*(1-left), left < 1
	})
}

// AtLeast lifts the decayed value to x if it is below, or sets an empty cell: x
// is known only as a lower bound.
func (c *Cell) AtLeast(now Tick, x, tau float64) {
	c.update(now, func(v float64, t Tick, empty bool) (float64, bool) {
		return x, empty || x > v*decay(t, now, tau)
	})
}

// Blend moves the value towards x by 1-exp(-d/tau), and by at least minAlpha: a
// plain average of the last 1/minAlpha samples where they are dense, one that
// forgets by time where they are sparse. An empty cell takes x.
func (c *Cell) Blend(now Tick, x, minAlpha, tau float64) {
	c.update(now, func(v float64, t Tick, empty bool) (float64, bool) {
		if empty {
			return x, true
		}
		return v + (x-v)*max(minAlpha, 1-decay(t, now, tau)), true
	})
}

// Trough takes x if it is below the value and moves the value up by the
// fraction alpha of the difference if not: the lower envelope of the samples.
func (c *Cell) Trough(now Tick, x, alpha float64) {
	c.update(now, func(v float64, _ Tick, empty bool) (float64, bool) {
		if empty || x < v {
			return x, true
		}
		return v + (x-v)*alpha, true
	})
}
