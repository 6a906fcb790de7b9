package origin

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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
	if d.groups.err != nil {
		c.owed.groups.fail(d.groups.err)
	}
	for _, g := range d.groups.members {
		c.owed.groups.join(g.Group, oldest)
	}
}

// read is a call of a method without side effects.
type read struct {
	hop
	begun time.Time
}

func newRead(h hop) *read { return &read{hop: h, begun: time.Now()} }

// end takes over what the reply says, ctx being the call's. A call that was given
// up has told the handler nothing.
func (r *read) end(ctx context.Context, req, reply any, err error) {
	code := status.Code(err)
	if code == codes.Canceled && ctx.Err() != nil {
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
	if err := r.belongsTo(&d.groups, req, reply, code); err != nil {
		d.groups.fail(fmt.Errorf("%s: %w", r.method.name, err))
	}
	// The handler has a copy of its own, and what that owes is not known here. (A
	// cache that has asked by itself gives the reply that it keeps.)
	if r.saysNotModified(ctx) {
		d.groups.fail(fmt.Errorf("%s: the groups of a copy that the handler keeps are not known", r.method.name))
	}
	r.call.owe(d)
}

// saysNotModified reports whether the handler has asked for what it does not
// have, and has it.
func (r *read) saysNotModified(ctx context.Context) bool {
	if !wire.SaysNotModified(r.header, r.trailer) {
		return false
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	return len(md[wire.KeyIfNoneMatch]) > 0
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

// belongsTo adds the reply's groups: what its server named and what the rule
// names, which a server without an Origin does not say. Each has the reply's
// version in it, which our clients could not tell from our reply's.
func (r *read) belongsTo(f *field, req, reply any, code codes.Code) error {
	version, err := wire.ReplyVersion(r.header, r.trailer)
	if err != nil {
		return err
	}
	named, err := wire.ParseGroupList(r.values(wire.KeyCacheGroups))
	if err != nil {
		return err
	}
	if r.method.rule != nil {
		names := naming{templates: r.method.groups}
		names.see(req)
		more, err := names.fromRequest()
		if err == nil && code == codes.OK {
			more, err = names.all(reply)
		}
		if err != nil {
			return err
		}
		for _, n := range more {
			named = append(named, wire.Group{Name: n})
		}
	}
	for _, g := range r.under(named) {
		g.Soft = false // says something of invalidations alone
		f.join(g, own)
	}
	for i := range f.members {
		if g := f.members[i].Group; g.Version == 0 && version > 0 {
			g.Version = version
			f.put(i, g)
		}
	}
	return f.err
}
