package cache

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// serve answers the call with the stored reply; origin is the code that the
// origin failed with where the reply is stale. It reports false when the reply
// turns out not to decode, which is a miss.
func (c *call) serve(as Result, origin codes.Code) (answered bool, err error) {
	e := c.found
	if err := c.tooLarge(len(e.body)); err != nil {
		if as == Stale { // the origin's own error says more
			return false, nil
		}
		return true, c.fail(err)
	}
	if err := c.decode(e.body); err != nil {
		c.discard(err)
		return false, nil
	}
	st := wire.Status{Hit: true, TTL: wire.SecondsOf(c.decision.TTL)}
	if as == Stale {
		st = wire.Status{Fwd: wire.FwdStale, FwdStatus: wire.Some(int(origin)), TTL: wire.SecondsOf(c.decision.TTL), Detail: "stale-if-error"}
	}
	var header, trailer metadata.MD
	if c.wantsMetadata() {
		if header, trailer, err = e.metadata(); err != nil {
			c.discard(err)
			return false, nil
		}
		header.Set(wire.KeyAge, strconv.FormatInt(int64(c.decision.Age/time.Second), 10))
	}
	header = c.withStatus(header, st)
	c.outcome.Result = as
	c.outcome.Age, c.outcome.Lifetime = c.decision.Age, e.policy.Terms.Lifetime
	c.outcome.Endpoint, c.outcome.Stored = e.endpoint, true
	c.handBack(header, trailer, cachePeer, nil)
	return true, nil
}

// discard drops a stored reply that cannot be read.
func (c *call) discard(err error) {
	c.cache.storeFailed("get", err)
	c.cache.forget(c.key)
	c.found = nil
	c.decision = cachepolicy.Decision{}
}

// decode fills the caller's reply from bytes off the wire.
func (c *call) decode(body []byte) error {
	return c.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(body)}, c.reply)
}

// tooLarge applies the call's receive limit as grpc-go does to replies from the
// network.
func (c *call) tooLarge(n int) error {
	if n <= c.maxRecv {
		return nil
	}
	return status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", n, c.maxRecv)
}

// forwardReason says in RFC 9211's words why the origin is asked.
func (c *call) forwardReason() wire.Fwd {
	switch c.decision.Reason {
	case cachepolicy.ReasonStale:
		return wire.FwdStale
	case cachepolicy.ReasonWish:
		return wire.FwdRequest
	case cachepolicy.ReasonInvalidated:
		return wire.FwdMiss
	default:
		return wire.FwdURIMiss
	}
}

// withStatus returns the header with the call's cache-status appended to what
// caches nearer to the origin have said (RFC 9211 section 2), if the caller
// asked for a header; md is left as it is.
func (c *call) withStatus(md metadata.MD, st wire.Status) metadata.MD {
	wants := c.wantsMetadata()
	if !wants && len(c.reports) == 0 {
		return nil
	}
	c.outcome.CacheStatus = st.String()
	if !wants {
		return nil
	}
	out := make(metadata.MD, len(md)+1)
	maps.Copy(out, md)
	out[wire.KeyCacheStatus] = append(slices.Clone(md[wire.KeyCacheStatus]), c.outcome.CacheStatus)
	return out
}
