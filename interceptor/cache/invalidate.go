package cache

import (
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// advance applies an invalidation of groups of one target. "A repeated or older"
// version changes nothing, and does not even raise the clock: the same write is
// heard of in several ways.
func (c *Cache) advance(t *target, groups []wire.Group) {
	if len(groups) == 0 {
		return
	}
	marks := make([]epoch.Mark, 0, len(groups))
	for _, g := range groups {
		m := epoch.Mark{Hash: c.groupHash(t, g.Name), Version: g.Version, Soft: g.Soft}
		if !c.clock.Known(m) {
			marks = append(marks, m)
		}
	}
	c.count.invalidations.Add(1)
	if len(marks) > 0 {
		c.clock.Mark(c.tick(), marks)
	}
}

// tick raises the clock, and remembers when.
func (c *Cache) tick() uint64 {
	e := c.clock.Tick()
	if c.history != nil {
		c.history.Note(c.now(), e)
	}
	return e
}

// flushTarget invalidates every entry of a target.
func (c *Cache) flushTarget(t *target) {
	c.count.invalidations.Add(1)
	c.count.flushes.Add(1)
	e := c.tick()
	for {
		old := t.epoch.Load()
		if old >= e || t.epoch.CompareAndSwap(old, e) {
			return
		}
	}
}

// Invalidate makes every stored reply of one of the groups invalid, at whatever
// target it was fetched: calls that begin after it returns are not answered with
// it, nor with one that was on its way. Groups are compared byte for byte. It
// costs the same however many replies are stored, and is safe for concurrent
// use.
func (c *Cache) Invalidate(groups ...string) { c.invalidate(groups, false) }

// InvalidateSoft makes every stored reply of one of the groups stale, at whatever
// target it was fetched: it is used from then on only as far as its rule lets a stale
// one be used (stale_while_revalidate, stale_if_error, stale_if_overloaded), within
// windows that count from the start of its fetch. Under a rule without such windows
// it is [Cache.Invalidate], but that a reply with an etag is validated.
func (c *Cache) InvalidateSoft(groups ...string) { c.invalidate(groups, true) }

func (c *Cache) invalidate(groups []string, softly bool) {
	if len(groups) == 0 {
		return
	}
	c.count.invalidations.Add(1)
	e := c.tick()
	c.targets.each(func(t *target) {
		marks := make([]epoch.Mark, len(groups))
		for i, g := range groups {
			marks[i] = epoch.Mark{Hash: c.groupHash(t, g), Soft: softly}
		}
		c.clock.Mark(e, marks)
	})
}
