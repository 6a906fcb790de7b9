package cache

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
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
				c.target.pulse.ended(codes.DeadlineExceeded)
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

// land hands over what a flight brought, or says how the call is to go on.
func (c *call) land(fl *flight, leads bool) (next boarding, err error) {
	res := &fl.result
	c.outcome.Endpoint = res.endpoint
	if res.err != nil {
		if !leads && !c.sharesError(fl) {
			return boardAlone, nil
		}
		if ok, err := c.serveStale(status.Code(res.err)); ok {
			return boardAny, err
		}
		return boardAny, c.failed(fl)
	}
	if !leads {
		if next := c.usable(fl); next != boardAny {
			return next, nil
		}
	}
	return boardAny, c.deliver(fl, leads)
}

// usable decides whether another caller's reply may answer this call, by the
// same function that decides about stored replies.
func (c *call) usable(fl *flight) boarding {
	res := &fl.result
	if !res.admitted {
		return boardAlone
	}
	e := cachepolicy.Entry{
		Requested: fl.begun, InitialAge: res.age, Terms: res.terms, Version: res.version,
	}
	if fl.since < c.arrival && !c.cache.weak.followers {
		state := c.cache.state(c.target, fl.since, res.groups)
		e.Invalidated, e.Soft = state == invalid, state == soft
	}
	d := cachepolicy.Decide(&e, c.rule, c.wish, c.cache.now(), cachepolicy.OriginUntried)
	switch {
	case d.Verdict == cachepolicy.Hit:
		return boardAny
	case e.Invalidated, e.Soft:
		return boardLater
	default:
		return boardAlone
	}
}

// sharesError reports whether another caller's error is this call's too. That
// can only be what a server said: a failure on this side may be of the other
// caller's channel, credentials, metadata, limits or patience. And what a server
// says of identity, of a deadline or of the reply's size is about one call.
func (c *call) sharesError(fl *flight) bool {
	if !fl.result.served() {
		return false
	}
	switch status.Code(fl.result.err) {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Canceled, codes.DeadlineExceeded:
		return false
	case codes.ResourceExhausted:
		return fl.maxRecv == c.maxRecv
	}
	return true
}

// failed ends the call with the flight's error, which is the origin's.
func (c *call) failed(fl *flight) error {
	res := &fl.result
	c.outcome.Result = Error
	code := status.Code(res.err)
	st := wire.Status{Fwd: c.forwardReason(), FwdStatus: wire.Some(int(code)), Detail: canonical(code)}
	c.handBack(c.withStatus(res.header, st), res.trailer, res.peer, res.err)
	return res.err
}

// deliver ends the call with the flight's reply. The caller that began it is
// given the decoded message, with what interceptors made of it; the others
// decode what came off the wire.
func (c *call) deliver(fl *flight, leads bool) error {
	res := &fl.result
	if err := c.tooLarge(len(res.body)); !leads && err != nil {
		return c.fail(err)
	}
	if leads && res.reply == c.reply {
		// It is the caller's already.
	} else if leads && res.reply != nil {
		move(c.reply, res.reply)
	} else if err := c.decode(res.body); err != nil {
		return c.fail(status.Errorf(codes.Internal, "freshet cache: a reply that one caller decoded does not decode for another: %v", err))
	}
	switch {
	case !leads:
		c.outcome.Result = Collapsed
	case res.validated:
		c.outcome.Result = Validated
	default:
		c.outcome.Result = Miss
	}
	c.outcome.Stored, c.outcome.Version, c.outcome.Lagging = res.stored, res.version, res.lagging
	c.outcome.Detail = res.detail
	if res.stored {
		c.outcome.Lifetime = res.terms.Lifetime
	}
	c.handBack(c.withStatus(res.header, c.missStatus(fl)), res.trailer, res.peer, nil)
	return nil
}

// detach returns the context of a flight: the caller's values without its
// cancellation. Where the caller has a deadline the flight has one too, so that
// the server is told of one, but never an earlier one than its maximum age. A flight
// in the background has its maximum age.
func (c *call) detach(kind flightKind) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(c.ctx)
	if kind == flightBackground {
		return context.WithTimeout(ctx, c.cache.fetchTimeout)
	}
	if c.stay {
		return ctx, func() {} // there is always somebody who waits
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		return context.WithTimeout(ctx, max(time.Until(deadline), c.cache.fetchTimeout))
	}
	return context.WithCancel(ctx)
}
