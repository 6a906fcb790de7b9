package cache

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

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
	if !leads || res.reply == nil { // else grpc has seen to it
		if err := c.tooLarge(len(res.body)); err != nil {
			return c.fail(err)
		}
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
