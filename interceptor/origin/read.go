package origin

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// debt is what a reply owes to the replies that it was built from.
type debt struct {
	terms   wire.Response // restrictions; no lifetimes
	expires time.Time     // the end of the shortest lifetime; zero: none is known
	groups  field
}

// owe takes a downstream reply's debt over. Once the call has ended it changes
// nothing.
func (c *call) owe(d *debt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed.terms = wire.MergeResponse(c.owed.terms, d.terms)
	if e := c.owed.expires; e.IsZero() || !d.expires.IsZero() && d.expires.Before(e) {
		c.owed.expires = d.expires
	}
	c.owed.groups.merge(&d.groups)
}

// read is a call of a method without side effects.
type read struct {
	hop
	begun  time.Time
	gaveUp func() error // the error of the call's own context
}

func newRead(ctx context.Context, h hop) *read {
	return &read{hop: h, begun: time.Now(), gaveUp: ctx.Err}
}

// end takes over what the reply says. A call that was given up has told the
// handler nothing.
func (r *read) end(req, reply any, err error) {
	code := status.Code(err)
	if code == codes.Canceled && r.gaveUp() != nil {
		return
	}
	said := r.directives()
	d := &debt{terms: r.restrictions(said)}
	if lifetime, ok := r.lifetime(said, code); ok {
		age := max(wire.ParseAge(r.header[wire.KeyAge]), wire.ParseAge(r.trailer[wire.KeyAge]))
		d.until(r.begun.Add(lifetime - age))
	}
	// What a cache on the way says is left holds from when it said so.
	if s, ok := wire.ParseStatus(r.values(wire.KeyCacheStatus)); ok {
		if ttl, ok := s.TTL.Get(); ok {
			d.until(time.Now().Add(ttl))
			// The reply is of the origin's, and the cache keeps it for no use at
			// all: it is known not to stay true.
			if code, ok := s.FwdStatus.Get(); ok && code == 0 && !s.Stored && ttl <= 0 {
				d.terms.StaleIfError = wire.SecondsOf(0)
			}
		}
	}
	groups, err := r.groups(req, reply, code)
	if err != nil {
		d.groups.fail(fmt.Errorf("%s: %w", r.method.name, err))
	}
	d.groups.add(groups)
	r.call.owe(d)
}

func (d *debt) until(t time.Time) {
	if d.expires.IsZero() || t.Before(d.expires) {
		d.expires = t
	}
}

// directives returns what the reply says of its reuse; what cannot be read is
// no-store.
func (r *read) directives() wire.Response {
	said, _ := wire.ReplyDirectives(r.header, r.trailer)
	return said
}

// restrictions are the directives that hold for whatever is built from the reply
// too. A rule's scope counts like the directive that a server of ours would have
// sent for it; an s-maxage forbids shared caches the use of a stale reply (RFC
// 9111 section 5.2.2.10).
func (r *read) restrictions(said wire.Response) wire.Response {
	_, sMaxAge := said.SMaxAge.Get()
	return wire.Response{
		NoStore: said.NoStore, NoCache: said.NoCache,
		Private:        said.Private || r.method.terms.Private,
		MustRevalidate: said.MustRevalidate, ProxyRevalidate: said.ProxyRevalidate || sMaxAge,
		StaleIfError: said.StaleIfError, StaleWhileRevalidate: said.StaleWhileRevalidate,
	}
}

// lifetime returns the freshness lifetime of the reply, if it has one: what its
// server said within what the rule allows, as a cache would have it. An error
// under a rule has the one that its server said, or none at all: a reply that is
// built in spite of it is not to be reused.
func (r *read) lifetime(said wire.Response, code codes.Code) (time.Duration, bool) {
	rule := r.method.rule
	if rule == nil {
		d, ok := said.MaxAge.Get()
		if s, shared := said.SMaxAge.Get(); shared && (!ok || s < d) {
			d, ok = s, true
		}
		return d, ok
	}
	d := time.Duration(0)
	if code == codes.OK {
		d = rule.DefaultMaxAge
	}
	d = said.MaxAge.Or(d)
	if rule.Scope == cachepolicy.Public {
		d = said.SMaxAge.Or(d)
	}
	return min(d, rule.MaxAge), true
}

// groups returns those of the reply: what its server named and what the rule
// names, which a server without an Origin does not say.
func (r *read) groups(req, reply any, code codes.Code) ([]string, error) {
	groups, err := wire.ParseGroups(r.values(wire.KeyCacheGroups))
	if err != nil || r.method.rule == nil {
		return r.under(groups), err
	}
	names := naming{templates: r.method.groups}
	names.see(req)
	more, err := names.fromRequest()
	if err == nil && code == codes.OK {
		more, err = names.all(reply)
	}
	return r.under(append(groups, more...)), err
}
