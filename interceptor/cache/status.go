package cache

import (
	"maps"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// storedStatus is the cache-status of a call that is answered from the store. A stale
// reply was a hit, too, unless the origin was asked and has failed: "the
// request was satisfied by the cache; that is, it was not forwarded" (RFC 9211
// section 2.1).
func (c *call) storedStatus() wire.Status {
	st := wire.Status{Hit: true, TTL: wire.SecondsOf(c.decision.TTL)}
	switch c.decision.Reason {
	case cachepolicy.ReasonGranted:
		st.Detail = "stale-if-error"
		if c.originCode != codes.OK {
			st.Hit, st.Fwd, st.FwdStatus = false, wire.FwdStale, wire.Some(int(c.originCode))
		}
	case cachepolicy.ReasonRevalidating:
		st.Detail = "stale-while-revalidate"
	case cachepolicy.ReasonOverloaded:
		st.Detail = "stale-if-overloaded"
	case cachepolicy.ReasonAccepted:
		st.Detail = "max-stale"
	}
	if c.found.policy.Negative {
		st.Detail = "negative"
	}
	return st
}

// forwardReason says in RFC 9211's words why the origin is asked.
func (c *call) forwardReason() wire.Fwd {
	switch c.decision.Reason {
	case cachepolicy.ReasonStale, cachepolicy.ReasonSoft:
		return wire.FwdStale
	case cachepolicy.ReasonWish:
		return wire.FwdRequest
	case cachepolicy.ReasonInvalidated:
		return wire.FwdMiss
	default:
		return wire.FwdURIMiss
	}
}

// missStatus is the cache-status of a call that a flight has answered.
func (c *call) missStatus(fl *flight) wire.Status {
	res := &fl.result
	st := wire.Status{
		Fwd: c.forwardReason(), FwdStatus: wire.Some(int(codes.OK)), Stored: res.stored, Detail: res.detail,
	}
	if c.outcome.Collapsed {
		st.Collapsed = wire.Some(c.outcome.Result == Collapsed)
	}
	switch {
	case st.Detail != "":
	case res.validated:
		st.Detail = "validated"
	case c.decision.Reason == cachepolicy.ReasonInvalidated:
		st.Detail = detailInvalidated // it is why there was nothing to answer with
	}
	switch {
	case res.detail == detailInvalidated, res.detail == detailInDoubt, res.detail == detailHoldOff, res.lagging:
		// Whoever builds on this reply must not keep it longer than this cache.
		st.TTL = wire.SecondsOf(0)
	case res.admitted:
		st.TTL = wire.SecondsOf(res.terms.Lifetime - res.age - (c.cache.now() - fl.begun))
	}
	return st
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
