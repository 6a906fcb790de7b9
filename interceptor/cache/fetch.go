package cache

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// deadlineMargin is how long before the caller's deadline a stale reply that is
// granted is served rather than waiting on: enough to hand it over in time.
const deadlineMargin = 5 * time.Millisecond

// boarding says which flights a call may use.
type boarding int

const (
	// boardAny: one under way, if no invalidation stands between, or a new one.
	boardAny boarding = iota
	// boardLater: one begun after the call, or a new one.
	boardLater
	// boardAlone: one of the call's own, that nobody joins and nothing is
	// stored of.
	boardAlone
)

// fetch answers the call from the origin, in a flight of its own or another's.
//
// A reply that turns out not to be for the call (another's, and not shareable,
// or invalidated before the call began) sends it out again: once in a flight
// begun after its arrival, and then alone. RFC 9111 section 4: "A cache can use
// a response that is stored or storable to satisfy multiple requests, provided
// that it is allowed to reuse that response for the requests in question".
func (c *call) fetch() error {
	how := boardAny
	if c.noStore {
		how = boardAlone
	}
	c.stay = c.stays()
	for {
		fl, leads := c.board(how)
		switch {
		case leads && c.stay:
			fl.run()
			c.held = c.items != nil // the flight is over: it needs the call no more
		case leads:
			fl.start()
		}
		c.outcome.Collapsed = c.outcome.Collapsed || !leads
		if ended, err := c.wait(fl); ended {
			return err
		}
		next, err := c.land(fl, leads)
		if next == boardAny {
			return err
		}
		how = next // boardLater leads nowhere but to boardAlone, which ends
	}
}

// stays reports whether the caller waits for the flight's end whatever comes: then it need
// not wait for another goroutine.
func (c *call) stays() bool {
	if c.ctx.Done() != nil {
		return false
	}
	_, impatient := c.patience()
	return !impatient
}

// board finds the call a flight.
func (c *call) board(how boarding) (fl *flight, leads bool) {
	known, err := c.knownGroups()
	if how == boardAlone || err != nil ||
		// One flight at a time is for the store; nobody else waits for it.
		c.cache.loners.has(c.key, c.started) && !c.wish.NoCache && c.cache.flight.underWay(c.key) {
		return c.begin(known, flightAlone), true
	}
	joinable := func(fl *flight) bool {
		switch {
		case c.cache.weak.followers:
			return true
		case c.wish.NoCache || c.wish.MaxAge == 0:
			return false // joins no flight older than itself
		case how == boardLater && fl.since < c.arrival:
			return false
		}
		// Its other groups are checked when it lands.
		return fl.since >= c.arrival || c.cache.state(c.target, fl.since, fl.known) == valid
	}
	return c.cache.flight.join(c.key, joinable, func() *flight { return c.begin(known, flightShared) })
}

// knownGroups are those that the request alone names.
func (c *call) knownGroups() ([]epoch.Group, error) {
	names, err := c.rule.Groups.FromRequest(c.req)
	return c.cache.groupsOf(c.target, names), err
}

// wait waits for the flight within the caller's own time. It reports true when
// the call has ended meanwhile, by its context or with a stale reply.
func (c *call) wait(fl *flight) (ended bool, err error) {
	var nearEnd <-chan time.Time
	if patience, ok := c.patience(); ok {
		t := time.NewTimer(patience)
		defer t.Stop()
		nearEnd = t.C
	}
	for {
		select {
		case <-fl.done:
			return false, nil
		case <-nearEnd:
			nearEnd = nil
			select {
			case <-fl.done: // both at once
				return false, nil
			default:
			}
			// The flight goes on: what it brings late is stored.
			if ok, err := c.serveStale(codes.DeadlineExceeded); ok {
				c.cache.flight.leave(fl, true)
				// Others need not wait as long to learn the same.
				c.target.pulse.ended(codes.DeadlineExceeded, c.cache.now())
				c.cache.backoff.failed(c.key, c.cache.now(), 0)
				return true, err
			}
		case <-c.ctx.Done():
			select {
			case <-fl.done: // both at once: the reply is here
				return false, nil
			default:
			}
			c.cache.flight.leave(fl, false)
			return true, c.fail(status.FromContextError(c.ctx.Err()).Err())
		}
	}
}

// patience is for how long the call waits before a stale reply that is granted is served:
// the rule's soft timeout from its start, and at the latest until shortly before the
// caller's deadline.
func (c *call) patience() (time.Duration, bool) {
	if c.found == nil && c.items == nil || c.rule.StaleIfError == 0 {
		return 0, false
	}
	var d time.Duration
	deadline, ok := c.ctx.Deadline()
	if ok {
		d = time.Until(deadline) - deadlineMargin
	}
	if c.rule.SoftTimeout > 0 {
		if left := c.rule.SoftTimeout - (c.cache.now() - c.started); !ok || left < d {
			d, ok = left, true
		}
	}
	return d, ok
}

// detach returns the context of a flight: the caller's values without its
// cancellation. Where the caller has a deadline the flight has one too, so that
// the server is told of one, but never an earlier one than its maximum age. A flight
// in the background has its maximum age.
func (c *call) detach(kind flightKind) (context.Context, context.CancelFunc) {
	if c.stay && kind != flightBackground {
		return c.ctx, func() {} // it is never cancelled, and there is always somebody who waits
	}
	ctx := context.WithoutCancel(c.ctx)
	if kind == flightBackground {
		return context.WithTimeout(ctx, c.cache.fetchTimeout)
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		return context.WithTimeout(ctx, max(time.Until(deadline), c.cache.fetchTimeout))
	}
	return context.WithCancel(ctx)
}
