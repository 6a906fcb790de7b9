package origin

import (
	"context"
	"fmt"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// Groups adds groups (RFC 9875 section 2) to those that the reply belongs to. It
// is sent with a reply whose status is OK. The reply's version in them is that
// of [SetVersion].
//
// The error says that the handler has named more than 128 groups, one of more
// than 256 bytes, or more than 6 KiB in all, versions included, and nothing is
// then added; or that ctx belongs to no call or to one that has ended. Handlers
// may call it from several goroutines.
func Groups(ctx context.Context, groups ...string) error {
	return within(ctx, func(c *call) error { return c.belongsTo("Groups", 0, groups...) })
}

// GroupVersion says the reply's version in one group, which it adds like
// [Groups] if the method's rule does not: for a reply that shows things which
// are counted apart, where one version of the whole would not compare. Bounds
// are those of [SetVersion]. Of several versions in one group the least counts.
//
// The error is that of [Groups], or says that v is out of bounds.
func GroupVersion(ctx context.Context, group string, v uint64) error {
	if err := checkVersion("GroupVersion", v); err != nil {
		return err
	}
	return within(ctx, func(c *call) error { return c.belongsTo("GroupVersion", v, group) })
}

// belongsTo adds groups by the handler's word: all or none.
func (c *call) belongsTo(by string, v uint64, groups ...string) error {
	named := c.named.clone()
	for _, g := range groups {
		named.join(wire.Group{Name: g, Version: v}, own)
	}
	if named.err != nil {
		return fmt.Errorf("origin: %s: %w", by, named.err)
	}
	c.named = named
	return nil
}

// join adds a group that a reply belongs to, or makes one version of two.
func (f *field) join(g wire.Group, version func(have, more uint64) uint64) {
	i := f.index(g.Name)
	if i < len(f.members) {
		have := f.members[i].Version
		if g.Version = version(have, g.Version); g.Version == have {
			return
		}
	}
	f.put(i, g)
}

// own makes one of two versions that this server says of a group. None at all
// stands for the reply's version, and gives way.
func own(have, more uint64) uint64 {
	if have == 0 || more == 0 {
		return max(have, more)
	}
	return min(have, more)
}

// oldest makes one of the versions of two downstream replies: what is built from
// both is as old as the older, and none at all, 0, may be of any age.
func oldest(have, more uint64) uint64 { return min(have, more) }

// floor is the version in a downstream group of what was built from a reply
// without one. "None" would be taken for the reply's own version, which counts
// other changes; no version is less than this.
const floor = 1

// replyGroups returns the groups that the reply belongs to: the rule's, the
// handler's, and those of what it was built from.
func (c *call) replyGroups(reply any) field {
	all := c.named.clone()
	if c.method.rule != nil {
		names, err := c.names.all(reply)
		if err != nil {
			all.fail(err)
		}
		for _, g := range names {
			all.join(wire.Group{Name: g}, own)
		}
	}
	if c.owed.groups.err != nil {
		all.fail(c.owed.groups.err)
	}
	for _, g := range c.owed.groups.members {
		if c.version > 0 {
			g.Version = max(g.Version, floor)
		}
		all.join(g.Group, func(have, more uint64) uint64 { return oldest(own(have, c.version), more) })
	}
	return all
}
