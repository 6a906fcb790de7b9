package cache

import (
	"sync/atomic"

	"github.com/freshet-io/freshet/interceptor/store"
)

// Stats counts what a [Cache] has done since it was made. Each call of a method
// with a cache rule that has ended is in exactly one of Hits, Stale, Validated, Misses,
// Collapsed, Bypassed and Errors, and Calls is their sum.
type Stats struct {
	Calls     uint64
	Hits      uint64
	Stale     uint64
	Validated uint64
	Misses    uint64
	Collapsed uint64
	Bypassed  uint64
	Errors    uint64

	// DecodedHits counts the hits that were answered from the decoded tier.
	DecodedHits uint64
	// OriginCalls counts the calls that the cache made of the origin.
	OriginCalls uint64
	// Refreshes counts those of them that were made in the background.
	Refreshes uint64
	// Lagging counts replies that were older than what was known to exist, for which the
	// origin was asked once more.
	Lagging uint64
	// Stores counts the replies that the store was given and did not refuse; a full one may
	// let go at once what it is given for the first time.
	Stores uint64
	// StoreErrors counts operations of the store that failed or returned
	// damaged values. Each was treated as a miss.
	StoreErrors uint64
	// Invalidations counts invalidations applied, whatever their groups.
	Invalidations uint64
	// Flushes counts invalidations that fell on all entries of a target,
	// because they could not be read, named too many groups, or depended on a
	// reply that was lost.
	Flushes uint64

	// Entries and Bytes describe the store now, where it implements
	// [store.Sizer]; otherwise they are zero.
	Entries uint64
	Bytes   uint64
}

// counters are the live form of Stats.
type counters struct {
	results       [results]atomic.Uint64
	decoded       atomic.Uint64
	originCalls   atomic.Uint64
	refreshes     atomic.Uint64
	lagging       atomic.Uint64
	stores        atomic.Uint64
	storeErrors   atomic.Uint64
	invalidations atomic.Uint64
	flushes       atomic.Uint64
}

// Stats returns a snapshot. It is safe for concurrent use; under load its
// figures are each exact and together not of one instant, but for Calls, which
// is the sum of those beside it.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits:          c.count.results[Hit].Load(),
		Stale:         c.count.results[Stale].Load(),
		Validated:     c.count.results[Validated].Load(),
		Misses:        c.count.results[Miss].Load(),
		Collapsed:     c.count.results[Collapsed].Load(),
		Bypassed:      c.count.results[Bypass].Load(),
		Errors:        c.count.results[Error].Load(),
		DecodedHits:   c.count.decoded.Load(),
		OriginCalls:   c.count.originCalls.Load(),
		Refreshes:     c.count.refreshes.Load(),
		Lagging:       c.count.lagging.Load(),
		Stores:        c.count.stores.Load(),
		StoreErrors:   c.count.storeErrors.Load(),
		Invalidations: c.count.invalidations.Load(),
		Flushes:       c.count.flushes.Load(),
	}
	s.Calls = s.Hits + s.Stale + s.Validated + s.Misses + s.Collapsed + s.Bypassed + s.Errors
	if sizer, ok := c.store.(store.Sizer); ok {
		s.Entries, s.Bytes = uint64(max(0, sizer.Len())), uint64(max(0, sizer.Bytes()))
	}
	return s
}
