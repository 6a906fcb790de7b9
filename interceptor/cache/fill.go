package cache

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// fill decides what becomes of a flight's reply, and stores it if it may be
// reused.
func (c *call) fill(fl *flight, o *origin) {
	res := &fl.result
	c.cache.flight.settle(fl)
	admission, err := c.rule.Admit(cachepolicy.Reply{
		Request: o.req, Message: o.reply, Header: res.header, Trailer: res.trailer,
	})
	if err == nil && admission.NoCache { // nothing is validated in this version
		err = cachepolicy.ErrNoCache
	}
	if err != nil {
		res.detail = err.Error()
		c.cache.loners.add(c.key, c.cache.now())
		c.drop(fl, o)
		return
	}
	res.admitted = true
	if admission.Lifetime > admission.InitialAge {
		c.cache.loners.remove(c.key)
	} else {
		c.cache.loners.add(c.key, c.cache.now())
	}
	res.terms, res.age = admission.Terms, admission.InitialAge
	// An interceptor behind the cache may have rewritten the request: what the
	// caller's own names counts too.
	names := make([]string, len(admission.Groups))
	for i, g := range admission.Groups {
		names[i] = g.Name
	}
	res.groups = c.cache.groupHashes(c.target, names)
	for _, g := range fl.known {
		if !slices.Contains(res.groups, g) {
			res.groups = append(res.groups, g)
		}
	}
	if res.detail = c.unstorable(fl); res.detail != "" {
		c.drop(fl, o)
		return
	}
	e := &entry{
		policy: cachepolicy.Entry{Requested: fl.begun, InitialAge: res.age, Terms: res.terms},
		epoch:  fl.since, groups: res.groups, endpoint: res.endpoint,
	}
	header, trailer := c.kept(res.header, admission.Omit), c.kept(res.trailer, admission.Omit)
	// Appending fills the spare room behind the reply's bytes, which stay as
	// they are for those who wait.
	value := appendEntry(res.body, c.key, e, header, trailer)
	res.stored, res.detail = c.cache.put(c.key, value, c.remaining(fl), fl)
	if !res.stored {
		c.drop(fl, o)
	}
}

// drop deletes what this reply would have replaced: "When more than one suitable
// response is stored, a cache MUST use the most recent one" (RFC 9111 section
// 4), and the most recent one is this, which is not stored.
func (c *call) drop(fl *flight, o *origin) {
	if !fl.alone && (o.replaces || c.cache.flight.follows(fl)) && !c.cache.flight.isSuperseded(fl) {
		c.cache.forget(c.key)
	}
}

// Why a reply is known not to stay true.
const (
	detailInvalidated = "invalidated"
	detailInDoubt     = "write in doubt"
)

// unstorable says why an admitted reply is not stored, "" if it can be.
func (c *call) unstorable(fl *flight) string {
	res := &fl.result
	switch {
	// What is untrue comes first: whoever builds on the reply is told so by it,
	// in whatever other way it goes past the store.
	case !c.cache.valid(c.target, fl.since, res.groups):
		return detailInvalidated
	case c.target.doubt.holds(fl.begun, res.groups):
		return detailInDoubt
	case c.cache.closed.Load():
		return "closed"
	case fl.alone:
		return "not shared"
	case c.rule.MaxEntryBytes > 0 && len(res.body) > c.rule.MaxEntryBytes:
		return "too large"
	case c.remaining(fl) <= 0:
		return "expired"
	case c.cache.flight.isSuperseded(fl):
		return "superseded"
	}
	return ""
}

// remaining is for how long the reply may be of use.
func (c *call) remaining(fl *flight) time.Duration {
	t := fl.result.terms
	return t.Lifetime + t.StaleIfError - fl.result.age - (c.cache.now() - fl.begun)
}

// kept returns the metadata that is stored with a reply: not what belongs to the
// attempt, to a hop, or to one caller.
func (c *call) kept(md metadata.MD, omit []string) metadata.MD {
	out := make(metadata.MD, len(md))
	for k, v := range md {
		if !neverStored(k) && !slices.Contains(c.rule.Strip, k) && !slices.Contains(omit, k) {
			out[k] = v
		}
	}
	return out
}

// neverStored lists metadata that describes one attempt or one hop (load
// reports, retry push-back, what another cache said), is made anew for each use
// (age), or names a caller (set-cookie).
func neverStored(key string) bool {
	switch key {
	case wire.KeyAge, wire.KeyCacheStatus, wire.KeyCacheGroupInvalidation, "set-cookie", "freshet-load-bin", "endpoint-load-metrics-bin":
		return true
	}
	return strings.HasPrefix(key, "grpc-")
}
