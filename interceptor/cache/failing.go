package cache

import (
	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/cachepolicy"
)

// whileFailing answers the call at once where the origin is known to be failing and a stale reply is
// granted for that: the last fetch for this key failed, or the last calls
// to the target did whatever their keys. The origin is asked in the background
// meanwhile, at intervals that grow.
func (c *call) whileFailing() (answered bool, err error) {
	if c.rule.StaleIfError == 0 {
		return false, nil
	}
	if failing, _ := c.cache.backoff.failing(c.key, c.target, c.cache.now()); !failing && !c.target.pulse.failing() {
		return false, nil
	}
	before := c.decision
	c.decide(cachepolicy.OriginFailed)
	if c.decision.Verdict == cachepolicy.Stale {
		if answered, err = c.serve(); answered {
			c.refresh()
			return true, err
		}
	}
	c.decision = before
	return false, nil
}

// serveStale answers with what was found, if it may be used now that the origin
// has failed with a code.
func (c *call) serveStale(code codes.Code) (answered bool, err error) {
	if !originFailure(code) {
		return false, nil
	}
	if c.items != nil {
		return c.items.serveStale(code)
	}
	if c.found == nil {
		return false, nil
	}
	// Invalidations may have come since it was found.
	c.found.judge(c.cache, c.target)
	before := c.decision
	c.decide(cachepolicy.OriginFailed)
	if c.decision.Verdict == cachepolicy.Stale {
		c.originCode = code
		if answered, err = c.serve(); answered {
			return true, err
		}
	}
	c.decision = before
	return false, nil
}

// originFailure reports whether code is an error in the sense of RFC 5861
// section 4, "situations [...] such as 500, 502, 503, 504", for gRPC.
func originFailure(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	}
	return false
}
