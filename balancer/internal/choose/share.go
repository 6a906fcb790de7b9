package choose

import (
	"math"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// Picks are counted in spans of 2^12 ticks, about 4.3 s. A tally, of a pool, is a count in
// the lower half of a word, and in the upper half the tick at which it was changed last.
const (
	spanShift = 12
	tick      = float64(1 << 20) // ns
	span      = tick * (1 << spanShift)
)

// tally adds n to a count, which begins anew with each span. Two picks at once may
// count as one.
func tally(w uint64, at ewma.Tick, n uint64) uint64 {
	return uint64(at)<<32 | (countOf(w, at) + n)
}

// countOf is what w has counted in the span of a tick.
func countOf(w uint64, at ewma.Tick) uint64 {
	if spanOf(w) != uint32(at)>>spanShift {
		return 0
	}
	return w & math.MaxUint32
}

func spanOf(w uint64) uint32 { return uint32(w>>32) >> spanShift }

const (
	// Of the picks in a span, an endpoint may get few and clamp times its fair part. Where
	// its word is doubtful it may get fewSuspect and clampSuspect times its part of
	// those so far, so that it cannot take a span's worth at once.
	clamp, few               = 8.0, 32
	clampSuspect, fewSuspect = 1.25, 2
	// boast is how many times faster than the others an endpoint may claim to be, for
	// each time that the client itself has seen it to be, before its word is doubtful.
	boast = 8.0
)

// sampled counts picks, of which the caller is one in every.
func (p *Pool) sampled(now int64, every uint64) {
	at := ewma.At(now)
	w := p.picked.Load()
	if p.picked.CompareAndSwap(w, tally(w, at, every)) && w != 0 {
		// The first of a span tells the pace of the last.
		switch uint32(at)>>spanShift - spanOf(w) {
		case 0:
		case 1:
			p.pace.Store(math.Float64bits(span / float64(w&math.MaxUint32)))
		default:
			p.pace.Store(0)
		}
	}
	if c := p.credit.Load(); c < maxCredit {
		p.credit.Store(min(c+int64(every), maxCredit))
	}
}

// interval is the time between two calls to an endpoint that gets its fair part, of n
// endpoints; 0 if it is not known.
func (p *Pool) interval(n int) float64 {
	return math.Float64frombits(p.pace.Load()) * float64(n)
}

// exhausted reports whether a pick now would exceed the endpoint's ration. R is
// random bits: intervals vary by half up and down, or clients would act in step.
func (e *Endpoint) exhausted(now int64, p *Pool, n int, r uint64) bool {
	bits := e.share.Load()
	if bits == 0 {
		return false
	}
	share := float64(math.Float32frombits(bits))
	u := float64(mix(r^uint64(now))>>11) / (1 << 53)
	interval := p.interval(n)
	if interval == 0 {
		return u >= share
	}
	last := e.lastPicked()
	return last != 0 && float64(ewma.At(now)-last)*tick*share < interval*(0.5+u)
}

// begun notes when a pick was, which calls has counted. Most picks are in the tick of
// the last, or were timed by a clock that it overtook, and have nothing to note.
func (e *Endpoint) begun(now int64, calls uint64) {
	w, at := e.picked.Load(), uint32(ewma.At(now))
	if w != 0 && uint32(w>>32)-at < 1<<spanShift {
		return
	}
	before := uint32(w)
	if w == 0 || spanOf(w) != at>>spanShift {
		before = uint32(calls>>flightBits) - 1
	}
	e.picked.Store(uint64(at)<<32 | uint64(before))
}

// lastPicked is when the last pick was; 0 is never.
func (e *Endpoint) lastPicked() ewma.Tick { return ewma.Tick(e.picked.Load() >> 32) }

// picks is how many picks the endpoint has had in this span. What was retracted
// may have been counted in the span before.
func (e *Endpoint) picks(now int64) int {
	w := e.picked.Load()
	if spanOf(w) != uint32(ewma.At(now))>>spanShift {
		return 0
	}
	return int(max(int32(uint32(e.calls.Load()>>flightBits)-uint32(w)), 0))
}

// fair is how many picks each of n endpoints should have had in this span at most, by
// the pace of the last span, and by those so far. The second is all there is before
// the first span has ended and after a pause: a liar must not have everything until then.
func (p *Pool) fair(now int64, n int) (most, soFar float64) {
	soFar = float64(countOf(p.picked.Load(), ewma.At(now))) / float64(n)
	if interval := p.interval(n); interval > 0 {
		return max(span/interval, soFar), soFar
	}
	return soFar, soFar
}
