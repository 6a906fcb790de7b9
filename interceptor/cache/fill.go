package cache

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// fillResult says what became of a reply.
type fillResult int

const (
	filled      fillResult = iota // it is the flight's, stored or not
	fillLagging                   // it is older than what is known to exist
	fillAgain                     // it says that what is stored is still good, and it is not
)

// Why a reply is not stored, beside what [cachepolicy.Rule.Admit] says.
const (
	detailInvalidated  = "invalidated"
	detailInDoubt      = "write in doubt"
	detailHoldOff      = "hold-off"
	detailLagging      = "lagging replica"
	detailNotEncodable = "not encodable"
	detailUnasked      = "not-modified unasked"
	detailNotABatch    = "not a batch"
	detailNotShared    = "not shared"
	detailTooLarge     = "too large"
	detailExpired      = "expired"
	detailSuperseded   = "superseded"
	detailClosed       = "closed"
)

// fill decides what becomes of a flight's reply, and stores it if it may be
// reused.
func (c *call) fill(fl *flight, o *origin, validating bool) fillResult {
	res := &fl.result
	c.cache.flight.settle(fl)
	if c.cache.weak.fillEpoch {
		c.cache.flight.restart(fl, c.cache.clock.Now(), fl.begun)
	}
	if wire.SaysNotModified(res.header, res.trailer) {
		if validating {
			return c.renew(fl, o)
		}
		// Of nobody who asked for a whole reply this is one: it is for its caller alone.
		res.detail = detailUnasked
	}
	if res.detail == "" {
		c.admit(fl, o)
	}
	if c.rule.Batch != nil {
		return c.fillItems(fl, o)
	}
	switch {
	case res.admitted && c.lags(fl, o):
		res.lagging = true
		res.detail = detailLagging
		c.drop(fl, o)
		return fillLagging
	case res.detail == "":
		res.detail = c.unstorable(fl)
	}
	if res.detail != "" {
		c.drop(fl, o)
		return filled
	}
	c.keep(fl, o, fl.entry())
	return filled
}

// entry is what the flight's result is stored as, but for its bytes.
func (fl *flight) entry() *entry {
	res := &fl.result
	return &entry{
		policy: cachepolicy.Entry{
			Requested: fl.begun, InitialAge: res.age, Terms: res.terms, Version: res.version, Negative: res.negative,
		},
		epoch: fl.since, groups: res.groups, endpoint: []byte(res.endpoint), etag: []byte(res.etag),
	}
}

// keep stores an entry whose bytes and metadata are the flight's.
func (c *call) keep(fl *flight, o *origin, e *entry) {
	res := &fl.result
	// Appending fills the spare room behind the reply's bytes, which stay as
	// they are for those who wait.
	value := appendEntry(res.body, fl.key, e, res.header, res.trailer, func(k string) bool { return c.skips(k, res.omit) })
	res.stored, res.detail = c.cache.put(fl.key, value, c.remaining(fl), fl)
	if !res.stored {
		c.drop(fl, o)
	}
}

// admit notes under what terms the reply may be kept, or why it may not.
func (c *call) admit(fl *flight, o *origin) {
	res := &fl.result
	admission, err := c.rule.Admit(cachepolicy.Reply{
		Request: o.req, Message: res.reply, Header: res.header, Trailer: res.trailer,
	})
	if err != nil {
		res.detail = err.Error()
		c.cache.loners.add(fl.key, c.cache.now())
		return
	}
	c.accept(fl, &admission)
}

// accept takes over what a reply may be kept under.
func (c *call) accept(fl *flight, a *cachepolicy.Admission) {
	res := &fl.result
	res.admitted = true
	if a.Lifetime > a.InitialAge {
		c.cache.loners.remove(fl.key)
	} else {
		c.cache.loners.add(fl.key, c.cache.now())
	}
	res.terms, res.age, res.etag, res.version, res.omit = a.Terms, a.InitialAge, a.ETag, a.Version, a.Omit
	if c.rule.Jitter > 0 {
		res.terms.Lifetime = c.rule.Shorten(res.terms.Lifetime, rand.Float64())
	}
	res.groups = make([]epoch.Group, 0, len(a.Groups)+len(fl.known))
	for _, g := range a.Groups {
		res.groups = append(res.groups, epoch.Group{Hash: c.cache.groupHash(c.target, g.Name), Version: g.Version})
	}
	// An interceptor behind the cache may have rewritten the request: what the
	// caller's own names counts too.
	for _, g := range fl.known {
		if !slices.ContainsFunc(res.groups, func(have epoch.Group) bool { return have.Hash == g.Hash }) {
			g.Version = res.version
			res.groups = append(res.groups, g)
		}
	}
}

// lags reports whether the reply is older than what is known to exist: than an
// invalidation said, than the call that began the flight wants, or than what is stored and
// not yet past its bound (after that a server may have begun to count anew).
func (c *call) lags(fl *flight, o *origin) bool {
	if c.cache.weak.versions {
		return false
	}
	if c.behind(fl, o) {
		return true
	}
	return fl.result.version > 0 && c.olderThan(c.cache.lookup(context.Background(), fl.key, c.target, new(entry)), fl)
}

// behind reports whether the reply is older than an invalidation, or the call that began the
// flight, says that there is one.
func (c *call) behind(fl *flight, o *origin) bool {
	return c.cache.clock.Lags(fl.result.groups) || !o.background && c.wish.MinVersion > fl.result.version
}

// olderThan reports whether the flight's reply is of an older version than a stored one that counts.
func (c *call) olderThan(e *entry, fl *flight) bool {
	return e != nil && !e.policy.Invalidated && e.policy.Version > fl.result.version &&
		e.policy.Age(c.cache.now()) < c.rule.MaxAge
}

// drop deletes what this reply would have replaced: "When more than one suitable
// response is stored, a cache MUST use the most recent one" (RFC 9111 section
// 4), and the most recent one is this, which is not stored. What a lagging replica says
// is not the most recent one.
func (c *call) drop(fl *flight, o *origin) {
	if !fl.alone && !fl.result.lagging && (o.stored != nil || c.cache.flight.follows(fl)) && !c.cache.flight.isSuperseded(fl) {
		c.cache.forget(fl.key)
	}
}

// unstorable says why an admitted reply is not stored, "" if it can be.
func (c *call) unstorable(fl *flight) string {
	res := &fl.result
	switch {
	// What is untrue comes first: whoever builds on the reply is told so by it,
	// in whatever other way it goes past the store.
	case c.cache.state(c.target, fl.since, res.groups) == invalid:
		return detailInvalidated
	case c.target.doubt.holds(fl.begun, res.groups):
		return detailInDoubt
	case c.heldOff(fl):
		return detailHoldOff
	case c.cache.closed.Load():
		return detailClosed
	case fl.alone:
		return detailNotShared
	case c.rule.MaxEntryBytes > 0 && len(res.body) > c.rule.MaxEntryBytes:
		return detailTooLarge
	case c.remaining(fl) <= 0:
		return detailExpired
	case c.cache.flight.isSuperseded(fl):
		return detailSuperseded
	}
	return ""
}

// heldOff reports whether one of the reply's groups was invalidated so shortly before
// its request was sent that a replica may not have heard of the write: as if the
// request had been sent that much earlier.
func (c *call) heldOff(fl *flight) bool {
	if c.rule.HoldOff == 0 {
		return false
	}
	return c.cache.state(c.target, c.cache.history.At(fl.begun-c.rule.HoldOff), fl.result.groups) == invalid
}

// keepForValidation is for how long beyond its windows a reply with a validator is kept.
const keepForValidation = 24 * time.Hour

// remaining is for how long the reply may be of use: fresh, stale, for calls that
// accept more (max-stale), or to be validated.
func (c *call) remaining(fl *flight) time.Duration {
	res := &fl.result
	t := res.terms
	keep, age := t.Lifetime, res.age+c.cache.now()-fl.begun
	if !res.negative && !t.MustRevalidate && !t.NoCache {
		keep += max(t.StaleIfError, t.StaleWhileRevalidate, c.rule.StaleIfOverloaded)
		if keep > age { // one that nobody could use otherwise is not kept for max-stale
			keep = max(keep, c.rule.MaxAge)
		}
	}
	keep -= age
	if res.etag != "" {
		keep = max(0, keep) + keepForValidation
	}
	return keep
}
