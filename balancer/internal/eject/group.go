package eject

import (
	"math"
	"sync"
	"sync/atomic"
)

// Group is what the endpoints that do the same work have in common. The zero value
// is ready. All methods may be called concurrently; only Sweep takes a lock, which
// no pick and no end of a call waits for.
type Group struct {
	next     atomic.Int64  // when the next sweep is due
	interval atomic.Int64  // as of the last sweep; 0: the default
	panicked atomic.Bool   // as of the last sweep
	top      atomic.Uint64 // largest share of an admitted endpoint, a float
	limit    atomic.Uint64 // latency above which one is an outlier, a float
	sums     atomic.Uint64 // pair: recent calls to all that are admitted, and failures

	// Indices of endpoints whose probation is due, or will be before the next sweep.
	waiting atomic.Int32
	trials  [maxTrials]atomic.Int32

	mu      sync.Mutex // guards the rest; State.Count only tries it
	ejected int        // not above allowed, except while members leave
	allowed int
	last    int64     // moment of the last sweep
	turn    int       // where the search for trials begins
	scratch []float64 // of at least as many as there are members
	worst   []float64 // severity by member; 0: none
}

// maxTrials is for how many endpoints probation goes on at a time.
const maxTrials = 16

// Due reports whether a sweep is due, which the caller must then make. It says so
// once per interval; the first time at once.
func (g *Group) Due(now int64) bool {
	next := g.next.Load()
	if now < next {
		return false
	}
	interval := g.interval.Load()
	if interval == 0 {
		interval = int64(defaultInterval)
	}
	return g.next.CompareAndSwap(next, now+interval)
}

// Panic reports whether ejection is to be ignored: too few are well.
func (g *Group) Panic() bool { return g.panicked.Load() }

// Waiting reports whether the probation of any endpoint is due, or will be before the
// next sweep.
func (g *Group) Waiting() bool { return g.waiting.Load() != 0 }

// Trial returns the index of an endpoint on probation which wants the caller's
// call, claimed as by [State.Admit], or -1. An ejected endpoint has no
// other way to come up where the choice is by reports or latency. Not for calls that
// have failed elsewhere already. States are those of the last sweep; if they have
// changed since, the index is still one of an endpoint on probation. It costs one
// load while no probation is due.
func (g *Group) Trial(now int64, states []*State) int {
	if !g.Waiting() || g.Panic() {
		return -1
	}
	for k := range g.waiting.Load() {
		i := int(g.trials[k].Load())
		if i < len(states) && states[i].until.Load() != 0 && states[i].Admit(now) == Single {
			return i
		}
	}
	return -1
}

func (g *Group) level() float64 { return math.Float64frombits(g.top.Load()) }

// tooSlow is the latency of an outlier, +Inf if unknown.
func (g *Group) tooSlow() float64 {
	if limit := math.Float64frombits(g.limit.Load()); limit > 0 {
		return limit
	}
	return math.Inf(1)
}
