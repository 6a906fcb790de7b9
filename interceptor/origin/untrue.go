package origin

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// everything is the invalidation of all groups of a server. It is a list whose
// member is a token and not a string, so that no group can be called this; a
// freshet cache takes what it cannot read for an invalidation of everything.
const everything = "*"

// Invalidate says that the call has made groups untrue (RFC 9875 section 3). It
// is sent whatever the call's status: the handler knows. More groups than fit in
// one reply (128, of 256 bytes each, 6 KiB in all) are no error: they stand for
// all groups of this server.
//
// The error says that the method is without side effects, for whose replies
// clients ignore invalidations, or that ctx belongs to no call or to one that
// has ended. Handlers may call it from several goroutines.
func Invalidate(ctx context.Context, groups ...string) error {
	return invalidate(ctx, "Invalidate", 0, false, groups)
}

// InvalidateVersion is [Invalidate] for a server that counts changes: v, from 1
// to 10^15-1, is the least version of these groups that is still true, as a rule
// that which the write has made. Caches spare replies of at least v, by
// [SetVersion] or [GroupVersion], and do not keep replies below it, which come
// from replicas that lag. A group that the method's annotation names too is sent
// with v, if the call succeeds.
//
// The error is Invalidate's, or says that v is out of bounds: the groups are
// then invalidated in all versions.
func InvalidateVersion(ctx context.Context, v uint64, groups ...string) error {
	bounds := checkVersion("InvalidateVersion", v)
	if bounds != nil {
		v = 0
	}
	return errors.Join(invalidate(ctx, "InvalidateVersion", v, false, groups), bounds)
}

// InvalidateSoft is [Invalidate] for what may be out of date but is not wrong:
// replies in the groups become stale, and are used where their rule grants the
// use of stale ones, as while a new one is fetched. A group that is invalidated
// both ways is untrue.
func InvalidateSoft(ctx context.Context, groups ...string) error {
	return invalidate(ctx, "InvalidateSoft", 0, true, groups)
}

func invalidate(ctx context.Context, by string, v uint64, soft bool, groups []string) error {
	return within(ctx, func(c *call) error {
		if c.method.safe {
			return errors.New("origin: " + by + ": a method without side effects invalidates nothing")
		}
		list := untrueOf(groups, soft)
		for i := range list {
			list[i].Version = v
		}
		c.makesUntrue(list, nil)
		return nil
	})
}

// untrueOf returns groups as an annotation makes them untrue.
func untrueOf(names []string, soft bool) []wire.Group {
	groups := make([]wire.Group, len(names))
	for i, n := range names {
		groups[i] = wire.Group{Name: n, Soft: soft}
	}
	return groups
}

// makesUntrue adds to what the call has made untrue: everything, if err says
// that the groups cannot be told. The caller holds the lock.
func (c *call) makesUntrue(groups []wire.Group, err error) {
	told := c.untrue.err == nil
	if err != nil {
		c.untrue.fail(err)
	}
	for _, g := range groups {
		c.untrue.breaks(g)
	}
	if told && c.untrue.err != nil && !errors.Is(err, errLostReply) {
		c.complain("all groups are invalidated: those that are meant cannot be told", slog.Any("error", c.untrue.err))
	}
}

// breaks adds a group that is untrue. One group may be in the field twice: untrue
// below a version, and stale at any.
func (f *field) breaks(g wire.Group) {
	for i := range f.members {
		if covers(f.members[i].Group, g) {
			return
		}
	}
	f.members = slices.DeleteFunc(f.members, func(m member) bool {
		if !covers(g, m.Group) {
			return false
		}
		f.bytes -= len(m.text) + len(", ")
		return true
	})
	f.put(len(f.members), g)
}

// covers reports whether a makes untrue all that b does, and as much: "untrue"
// is more than "stale", and all versions are more than those below one.
func covers(a, b wire.Group) bool {
	return a.Name == b.Name && (!a.Soft || b.Soft) && (a.Version == 0 || b.Version != 0 && a.Version >= b.Version)
}

// specific returns the groups of an annotation that a server's own word leaves
// to be said. Its word of a version, for a write that succeeded, is about the
// same change, and says more: the group is true again from that version on.
func specific(annotated, word []wire.Group) []wire.Group {
	return slices.DeleteFunc(annotated, func(a wire.Group) bool {
		return slices.ContainsFunc(word, func(w wire.Group) bool {
			return w.Name == a.Name && w.Version > 0 && (a.Soft || !w.Soft)
		})
	})
}

// invalidation returns what the call has made untrue: what its method is
// annotated with, by the handler's word, and by that of downstream servers.
//
// After an error that does not say whether the write took effect, what the
// request names counts; what only the lost reply could have named may be
// anything.
func (c *call) invalidation(reply any, code codes.Code) string {
	switch {
	case code == codes.OK:
		names, err := c.names.all(reply)
		c.makesUntrue(specific(untrueOf(names, c.method.soft), c.untrue.groups()), err)
	case !cachepolicy.DefiniteFailure(uint32(code)):
		names, err := c.names.inDoubt()
		c.makesUntrue(untrueOf(names, c.method.soft), err)
	}
	for w := range c.writes { // nobody waits for their end
		c.makesUntrue(w.inDoubt())
	}
	if c.untrue.err != nil {
		return everything
	}
	return c.untrue.text()
}
