package cache

import (
	"maps"
	"slices"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// renew makes a not-modified the flight's result: what is stored, with what the
// answer says of it. "When a cache receives a 304 (Not Modified) response, it
// needs to identify stored responses that are suitable for updating with the new
// information provided, and then do so" (RFC 9111 section 4.3.4).
//
// What has been invalidated meanwhile is not good, whatever the origin says: it
// may have looked before the write.
func (c *call) renew(fl *flight, o *origin) fillResult {
	res, stored := &fl.result, o.stored
	switch {
	case len(res.body) > 0, // no empty message: it contradicts itself
		c.cache.state(c.target, stored.epoch, stored.groups) == invalid:
		return fillAgain
	}
	etag, err := wire.ReplyETag(res.header, res.trailer)
	if err != nil || etag != "" && !wire.MatchesETag([]string{string(stored.etag)}, etag) {
		return fillAgain // it speaks of another reply
	}
	header, trailer, err := stored.metadata()
	if err != nil {
		return fillAgain
	}
	admission, err := c.rule.Renew(cachepolicy.Reply{Request: o.req, Header: res.header, Trailer: res.trailer}, stored.policy.Terms, string(stored.etag))
	res.reply, res.body = nil, stored.body
	if err != nil {
		// Good for its caller, and not to be kept any longer.
		res.header, res.trailer = updated(header, res.header), updated(trailer, res.trailer)
		res.detail = err.Error()
		c.cache.loners.add(c.key, c.cache.now())
		c.drop(fl, o)
		return filled
	}
	if admission.Version == 0 {
		admission.Version = stored.policy.Version
	}
	c.accept(fl, &admission)
	changed := c.mergeGroups(fl, stored) || res.version != stored.policy.Version
	keptHeader, keptTrailer := c.kept(res.header, res.omit), c.kept(res.trailer, res.omit)
	changed = changed || changes(header, keptHeader) || changes(trailer, keptTrailer)
	res.header, res.trailer = updated(header, keptHeader), updated(trailer, keptTrailer)
	if c.lags(fl, o) {
		return fillAgain
	}
	res.validated = true
	if res.detail = c.unstorable(fl); res.detail != "" {
		c.drop(fl, o)
		return filled
	}
	e := fl.entry()
	e.endpoint = stored.endpoint
	if changed {
		res.body = append(make([]byte, 0, len(stored.body)+valueSlack), stored.body...)
		c.keep(fl, o, e)
		return filled
	}
	c.cache.renewals.put(c.key, renewal{of: stored.fetch, epoch: fl.since, entry: e.policy})
	c.cache.decoded.Remove(&c.key) // it has the old terms
	res.stored = true
	return filled
}

// mergeGroups joins the groups of the stored reply, whose names are not known any more,
// with those that the validation named. It reports whether it named others.
func (c *call) mergeGroups(fl *flight, stored *entry) (changed bool) {
	res := &fl.result
	merged := slices.Clone(stored.groups)
	for _, g := range res.groups {
		at := slices.IndexFunc(merged, func(have epoch.Group) bool { return have.Hash == g.Hash })
		switch {
		case at < 0:
			merged, changed = append(merged, g), true
		case g.Version > merged[at].Version:
			merged[at].Version, changed = g.Version, true
		}
	}
	res.groups = merged
	return changed
}

// changes reports whether an answer says anything new of the stored metadata.
func changes(stored, said metadata.MD) bool {
	for k, v := range said {
		if !slices.Equal(stored[k], v) {
			return true
		}
	}
	return false
}

// updated is the stored metadata with what an answer says anew: "the cache MUST
// add each header field in the provided response to the stored response,
// replacing field values that are already present" (RFC 9111 section 3.2).
func updated(stored, said metadata.MD) metadata.MD {
	out := maps.Clone(stored)
	maps.Copy(out, said)
	return out
}
