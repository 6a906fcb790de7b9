package plan

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/eject"
)

// drainFor is how long an endpoint that said it was draining is believed. A server
// that drains says so on every response, and one that has said so for the last
// time was restarted or has thought better of it.
const drainFor = int64(30 * time.Second)

// Endpoint is all that a client has learnt of one endpoint. The zero value knows
// nothing. It outlives connections and plans.
type Endpoint struct {
	choose.Endpoint
	Ejection eject.State

	// other counts what was picked, by rule, but for that which reports decided: it is the
	// rest. Under Report it has what TakePicks has taken.
	other    [Rules]atomic.Int64
	draining atomic.Int64 // until when; 0: not
	marked   atomic.Bool  // is draining, says the resolver
	hot      atomic.Int64 // until when it is overloaded; 0: it is not

	mu      sync.Mutex // guards the rest, for plans to be made; picks do not need it
	settled bool       // is not new
	ready   int64      // when it was a member last; 0: never
	pool    *choose.Pool
}

// Picks is how many calls were picked by each rule, less what was retracted or taken.
func (e *Endpoint) Picks() (by [Rules]int64) {
	rest := e.Begun()
	for r := range by {
		by[r] = e.other[r].Load()
		rest -= by[r]
	}
	by[Report] = max(rest, 0) // less while a pick is being retracted
	return by
}

// TakePicks returns Picks and makes them count from zero.
func (e *Endpoint) TakePicks() [Rules]int64 {
	by := e.Picks()
	for r, n := range by {
		if Rule(r) != Report {
			e.other[r].Add(-n)
		}
		e.other[Report].Add(n)
	}
	return by
}

// Settle tells, before the first plan with e, that e is no newcomer: it was
// there before the client was.
func (e *Endpoint) Settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled = true
}

// attend notes that e is a member as of now, and reports whether it is new or was
// away for longer than absence.
func (e *Endpoint) attend(now int64) (arrived bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	arrived = e.ready == 0 && !e.settled || e.ready != 0 && now-e.ready > absence
	e.ready = max(now, 1)
	return arrived
}

// stay notes that e was a member until now.
func (e *Endpoint) stay(now int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready = max(now, 1)
}

// enter makes pool the one that holds reports of e.
func (e *Endpoint) enter(pool *choose.Pool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pool == pool {
		return
	}
	// Its zone or priority has changed, or it is new.
	if e.pool != nil {
		e.pool.Remove(&e.Endpoint)
	}
	e.pool = pool
}

// Drain notes whether the server wants no new calls, as of now.
func (e *Endpoint) Drain(now int64, draining bool) {
	switch {
	case draining:
		e.draining.Store(now + drainFor)
		e.Bar(true)
	case e.draining.Load() != 0:
		e.draining.Store(0)
		e.Bar(!e.Ejection.Admitted())
	}
}

// hotFor is how long an endpoint that said it was overloaded is believed: it says so on every
// response.
const hotFor = int64(5 * time.Second)

// Heat notes whether the server has said, at now, that it is overloaded.
func (e *Endpoint) Heat(now int64, overloaded bool) {
	switch {
	case overloaded:
		e.hot.Store(now + hotFor)
	case e.hot.Load() != 0:
		e.hot.Store(0)
	}
}

// Overloaded reports whether the server has said so lately.
func (e *Endpoint) Overloaded(now int64) bool {
	until := e.hot.Load()
	return until != 0 && now < until
}

// Draining reports whether the server wants no new calls, by its own word or that of the
// resolver.
func (e *Endpoint) Draining(now int64) bool {
	if e.marked.Load() {
		return true
	}
	until := e.draining.Load()
	return until != 0 && now < until
}
