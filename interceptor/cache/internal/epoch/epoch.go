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
//	valid := clock.Valid(since, groups)   // at every use
//
// So a fill that raced an invalidation is harmless whenever it lands, nothing
// has to be found or walked, and the store needs no index.
//
// # What is remembered
//
// A [Clock] knows of each group, named by a 64-bit hash, its latest epoch,
// within a window of the latest invalidations. The window has a floor: of a
// group that is not in the window it is only known that its latest epoch is not
// above the floor, so an entry older than the floor is invalid. What is
// forgotten, and a collision of hashes, can therefore cost a miss and never a
// stale reply.
//
// The window is kept in shards by hash, each a few generations of maps: the
// newest takes what comes, and when it is full the oldest is dropped whole and
// the shard's floor rises to the latest epoch that was in it. A lookup skips
// every generation whose latest epoch the entry has already seen, which for a
// young entry is all of them.
//
// # Order
//
// An invalidation raises the clock first and the group after, never back. A
// fetch that reads the clock in between counts as later than the invalidation,
// and it is: the write that was invalidated for had been acknowledged when the
// clock was raised, so what the fetch is going to read is not older.
package epoch

import (
	"sync"
	"sync/atomic"
)

const (
	shards      = 8
	generations = 8
	// MinLimit is the least number of groups that a Clock remembers.
	MinLimit = 4 * shards * generations
)

// Clock counts invalidations and remembers the latest ones by group. It is safe
// for concurrent use.
type Clock struct {
	now    atomic.Uint64
	perGen int
	shard  [shards]shard
}

type shard struct {
	mu sync.RWMutex
	// floor bounds from above the latest epoch of any group not in gens.
	floor uint64
	// gens are newest first; their number only grows to generations.
	gens []generation
}

type generation struct {
	latest uint64 // the largest value in epochs
	epochs map[uint64]uint64
}

// New returns a Clock at epoch 1 that remembers between 7/8 of limit and limit
// groups once it has heard of that many; limit is at least [MinLimit]. One
// remembered group takes about 26 bytes.
func New(limit int) *Clock {
	c := &Clock{perGen: max(limit, MinLimit) / (shards * generations)}
	c.now.Store(1)
	return c
}

// Now returns the current epoch.
func (c *Clock) Now() uint64 { return c.now.Load() }

// Tick raises the clock and returns the new epoch: the first step of an
// invalidation, whose second is [Clock.Set], or to remember the epoch elsewhere
// where something else than groups is invalidated.
func (c *Clock) Tick() uint64 { return c.now.Add(1) }

// Set remembers that groups were invalidated at epoch e, which [Clock.Tick]
// returned: every entry of one of them whose fetch began before the Tick is
// invalid when Set returns.
func (c *Clock) Set(e uint64, groups []uint64) {
	for _, g := range groups {
		s := &c.shard[g%shards]
		s.mu.Lock()
		s.set(g, e, c.perGen)
		s.mu.Unlock()
	}
}

func (s *shard) set(g, e uint64, perGen int) {
	if len(s.gens) == 0 || len(s.gens[0].epochs) >= perGen {
		s.rotate()
	}
	newest := &s.gens[0]
	// A slower invalidation with a lower epoch must not turn the group back.
	newest.epochs[g] = max(newest.epochs[g], e)
	newest.latest = max(newest.latest, e)
}

func (s *shard) rotate() {
	if len(s.gens) < generations {
		s.gens = append(s.gens, generation{})
	} else {
		s.floor = max(s.floor, s.gens[generations-1].latest)
	}
	copy(s.gens[1:], s.gens)
	s.gens[0] = generation{epochs: make(map[uint64]uint64)}
}

// Valid reports whether an entry whose fetch began at epoch since is still true
// as far as groups are concerned.
func (c *Clock) Valid(since uint64, groups []uint64) bool {
	if c.now.Load() == since {
		return true // nothing at all has been invalidated since
	}
	for _, g := range groups {
		if c.shard[g%shards].later(g, since) {
			return false
		}
	}
	return true
}

// later reports whether g may have been invalidated after since.
func (s *shard) later(g, since uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if since < s.floor {
		return true
	}
	for i := range s.gens {
		if gen := &s.gens[i]; gen.latest > since && gen.epochs[g] > since {
			return true
		}
	}
	return false
}

// Len returns the number of remembered invalidations, counting a group once for
// each generation that it stands in.
func (c *Clock) Len() int {
	n := 0
	for i := range c.shard {
		s := &c.shard[i]
		s.mu.RLock()
		for _, g := range s.gens {
			n += len(g.epochs)
		}
		s.mu.RUnlock()
	}
	return n
}
