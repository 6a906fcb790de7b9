package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// maxDoubts bounds the groups of a target that are in doubt at once. Over that,
// the whole target is.
const maxDoubts = 4096

// doubts remembers which groups of a target a write of unknown outcome may still
// change. What is fetched of them meanwhile is returned and not stored: it may
// be from before a write that is going to commit.
//
// Times are durations since the cache's base.
type doubts struct {
	// any is the latest end of any doubt: the fast way out.
	any   atomic.Int64
	whole atomic.Int64

	mu     sync.Mutex
	groups map[uint64]time.Duration // hash → end
}

// add puts groups in doubt until end; the whole target when all is set.
func (d *doubts) add(groups []epoch.Group, all bool, now, end time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !all && len(d.groups)+len(groups) > maxDoubts {
		for g, e := range d.groups {
			if e < now {
				delete(d.groups, g)
				// It still counts for what was begun before its end and lands
				// later.
				d.whole.Store(max(d.whole.Load(), int64(e)))
			}
		}
		all = len(d.groups)+len(groups) > maxDoubts
	}
	if all {
		d.whole.Store(max(d.whole.Load(), int64(end)))
	} else {
		if d.groups == nil {
			d.groups = map[uint64]time.Duration{}
		}
		for _, g := range groups {
			d.groups[g.Hash] = max(d.groups[g.Hash], end)
		}
	}
	d.any.Store(max(d.any.Load(), int64(end)))
}

// holds reports whether a fetch of these groups that began at begun is in doubt.
func (d *doubts) holds(begun time.Duration, groups []epoch.Group) bool {
	if int64(begun) >= d.any.Load() {
		return false
	}
	if int64(begun) < d.whole.Load() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if int64(begun) < d.whole.Load() {
		return true // groups have been folded into it meanwhile
	}
	for _, g := range groups {
		if begun < d.groups[g.Hash] {
			return true
		}
	}
	return false
}
