// Package epoch is a cache's invalidation clock.
//
// An invalidation is an epoch, not a deletion: the clock counts invalidations,
// an entry remembers the clock as it stood at the start of the request that
// fetched it, and it is valid only while nothing it depends on has been
// invalidated since.
//
//	since := clock.Now()                  // before anything is sent
//	reply := fetch()
//	…
//	state := clock.State(since, groups)   // at every use
//
// So a fill that raced an invalidation is harmless whenever it lands, nothing
// has to be found or walked, and the store needs no index.
//
// # What is remembered
//
// A [Clock] knows of each group, named by a 64-bit hash, its latest epoch,
// within a window of the latest invalidations. The window has a floor: of a
// group that is not in the window it is only known that its latest epoch is not
// above the floor, so an entry older than the floor is invalid (soft, where only
// soft marks have been forgotten). What is forgotten, and a collision of hashes,
// can therefore cost a miss and never a stale reply.
//
// The window is kept in shards by hash, each a few generations of hash tables:
// the newest takes what comes, and when it is full the oldest is dropped whole
// and the shard's floor rises to the latest epoch that was in it. Tables have
// their full size from the start and are used again, so that marking neither
// rehashes nor makes garbage, and they hold no pointers: maps took half again as
// much, and twice as much for versions, which is more than ten minutes of a
// thousand invalidations a second may take. A lookup skips every generation
// whose latest epoch the entry has already seen; a young entry, which has seen
// them all, takes no lock.
//
// # Versions and soft invalidations
//
// A [Mark] may carry the least version of its group that is still true. It spares
// replies of at least that version, however old, and does not spare those without one. One that says
// nothing new changes nothing: the same write is heard of in several ways. While the window holds it,
// [Clock.Lags] recognises a reply of a replica that has not heard of the write, which
// came after the invalidation and is from before it all the same.
//
// A soft mark makes replies stale and not invalid. A group keeps its hard and its
// soft marks, with and without versions, apart: at most four.
//
// # Order
//
// An invalidation raises the clock first and the group after, never back. A
// fetch that reads the clock in between counts as later than the invalidation,
// and it is: the write that was invalidated for had been acknowledged when the
// clock was raised, so what the fetch is going to read is not older.
package epoch

import "sync/atomic"

const (
	shards      = 8
	generations = 8
	// MinLimit is the least number of groups that a Clock remembers.
	MinLimit = 4 * shards * generations
)

// Group is a group of a reply, with the reply's version in it; 0: it has none.
type Group struct{ Hash, Version uint64 }

// Mark is an invalidation of one group.
type Mark struct {
	Hash uint64
	// Version is the least one that is still true; 0: all replies are untrue.
	Version uint64
	// Soft: what is untrue is to count as stale.
	Soft bool
}

// State is what invalidations have made of a reply.
type State uint8

const (
	// Valid: nothing that it depends on has been invalidated since.
	Valid State = iota
	// Soft: it has been invalidated softly.
	Soft
	// Invalid: it may be untrue.
	Invalid
)

// Clock counts invalidations and remembers the latest ones by group. It is safe
// for concurrent use.
type Clock struct {
	now atomic.Uint64
	// versions is set with the first mark that has one.
	versions atomic.Bool
	shard    [shards]shard
}

// New returns a Clock at epoch 1 that remembers between 7/8 of limit and limit
// marks once it has heard of that many; limit is at least [MinLimit]. A mark takes
// 20 bytes, 30 in a generation where one has a version; a group takes one for each
// kind that it was last marked with.
func New(limit int) *Clock {
	c := &Clock{}
	for i := range c.shard {
		c.shard[i].perGen = max(limit, MinLimit) / (shards * generations)
	}
	c.now.Store(1)
	return c
}

func (c *Clock) of(hash uint64) *shard { return &c.shard[hash%shards] }

// Now returns the current epoch.
func (c *Clock) Now() uint64 { return c.now.Load() }

// Tick raises the clock and returns the new epoch: the first step of an
// invalidation, whose second is [Clock.Mark], or to remember the epoch elsewhere
// where something else than groups is invalidated.
func (c *Clock) Tick() uint64 { return c.now.Add(1) }

// Mark remembers invalidations of epoch e, which [Clock.Tick] returned: every entry
// that they fall on and whose fetch began before the Tick is invalid, or softly so, when Mark
// returns.
func (c *Clock) Mark(e uint64, marks []Mark) {
	for _, m := range marks {
		if m.Version > 0 && !c.versions.Load() {
			c.versions.Store(true)
		}
		c.of(m.Hash).mark(e, m)
	}
}

// Known reports whether a mark with a version says nothing new, so that neither
// Tick nor Mark is needed for it. One without a version always does.
func (c *Clock) Known(m Mark) bool {
	return m.Version > 0 && c.versions.Load() && c.of(m.Hash).known(m)
}

// State says what has become of an entry whose fetch began at epoch since.
func (c *Clock) State(since uint64, groups []Group) State {
	if c.now.Load() == since {
		return Valid // nothing at all has been invalidated since
	}
	state := Valid
	for _, g := range groups {
		state = max(state, c.of(g.Hash).state(since, g))
		if state == Invalid {
			break
		}
	}
	return state
}

// Lags reports whether a reply is of a version that is known not to be true any more: it
// comes from a replica that lags behind, whenever it was fetched. What has no
// version does not lag.
func (c *Clock) Lags(groups []Group) bool {
	if !c.versions.Load() {
		return false
	}
	for _, g := range groups {
		if g.Version > 0 && g.Version < c.of(g.Hash).least(g.Hash) {
			return true
		}
	}
	return false
}

// Least returns the greatest version that a mark of the group had; 0: none is
// remembered.
func (c *Clock) Least(hash uint64) uint64 {
	if !c.versions.Load() {
		return 0
	}
	return c.of(hash).least(hash)
}

// Len returns the number of remembered invalidations, counting a group once for
// each generation and each kind of mark.
func (c *Clock) Len() int {
	n := 0
	for i := range c.shard {
		n += c.shard[i].len()
	}
	return n
}
