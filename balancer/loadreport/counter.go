package loadreport

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// rateStep is the shortest time over which a rate is measured.
	rateStep = int64(100 * time.Millisecond)
	// rateTau is the time constant of its moving average.
	rateTau = float64(time.Second)
)

// counter counts calls in flight and measures how many end, and fail, per
// second. The zero value is ready; it takes no lock.
type counter struct {
	// word holds the calls in flight in its lower half and those that have ended
	// in the upper one, which may wrap: an end is one addition for both.
	word   atomic.Uint64
	failed atomic.Uint32 // may wrap, too
	latest atomic.Pointer[rates]
}

const ended = 1 << 32

// begin counts a call and returns how many others are in flight.
func (c *counter) begin() uint32 { return uint32(c.word.Add(1)) - 1 }

// end counts the end of a call and returns how many are left in flight.
func (c *counter) end(now int64, failed bool) uint32 {
	if failed {
		c.failed.Add(1)
	}
	left := uint32(c.word.Add(ended - 1))
	c.rates(now)
	return left
}

func (c *counter) inFlight() uint32 { return uint32(c.word.Load()) }

// rates is a moment's totals, and the rates that were found up to it.
type rates struct {
	at            int64
	ended, failed uint32
	qps, eps      float64
}

// rates brings the rates up to date, if they are older than rateStep, and
// returns them. Whoever comes first does it: each end of a call
// does, so that a reader who comes once an hour finds the rates of the last
// second. If no call has ended meanwhile, it is the reader who finds the silence.
func (c *counter) rates(now int64) rates {
	last := c.latest.Load()
	var from rates // from the start, at 0
	if last != nil {
		from = *last
	}
	dt := now - from.at
	if dt < rateStep {
		return from
	}
	next := &rates{at: now, ended: uint32(c.word.Load() >> 32), failed: c.failed.Load()}
	left := 0.0
	if last != nil {
		left = math.Exp(-float64(dt) / rateTau)
	}
	blend := func(old float64, n uint32) float64 {
		return old*left + float64(n)/time.Duration(dt).Seconds()*(1-left)
	}
	next.qps = blend(from.qps, next.ended-from.ended)
	next.eps = blend(from.eps, next.failed-from.failed)
	if !c.latest.CompareAndSwap(last, next) {
		return *c.latest.Load()
	}
	return *next
}
