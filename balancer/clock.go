package balancer

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pace is how often the clock is read while calls are frequent, and rarest how many
	// calls go by between two readings at most.
	pace   = 20 * time.Microsecond
	rarest = 16
	// burst is how many calls in a row must be frequent before the clock is read for fewer.
	burst = 64
	// stale is how long a reading may stand for the present.
	stale = time.Millisecond
)

// clock is a channel's time. To read the time costs as much as to choose, so where
// calls follow each other faster than pace, it is read for one of several, and
// only those are timed and have their report taken in: more of them would say nothing new.
// At up to 50,000 calls a second, each is.
//
// Times are nanoseconds since the channel had its first balancer. Taken from the channel
// and not from the package, they stay inside of a synctest bubble.
type clock struct {
	base time.Time

	_     [7]uint64
	mask  atomic.Uint64 // one of mask+1 calls reads the time; a power of 2 less 1
	known atomic.Int64  // the time as of late, where mask is not 0
	_     [7]uint64

	readings atomic.Uint64
	since    atomic.Int64 // when readings was last a multiple of burst

	mu     sync.Mutex
	timer  *time.Timer // runs while mask is not 0
	before uint64      // readings as of the timer's last tick
	closed bool
}

// now reads the time.
func (c *clock) now() int64 { return int64(time.Since(c.base)) }

// begin is the time at which a call begins, and how many calls it stands for: the
// time is read for it, or 0: it is the time as of late. R is random bits, of which
// it uses the lowest.
func (c *clock) begin(r uint64) (now int64, weight int) {
	mask := c.mask.Load()
	if r&mask != 0 {
		return c.known.Load(), 0
	}
	now = c.now()
	if n := c.readings.Add(1); mask == 0 && n%burst == 0 {
		// Time that stands still, as in a test's bubble, says nothing of how frequent calls are.
		if since := c.since.Swap(now); now > since && time.Duration(now-since) < burst*pace/2 {
			c.slow(now)
		}
	}
	return now, int(mask) + 1
}

// end is the time at which a call ends that began with a reading or without.
func (c *clock) end(weight int) int64 {
	if weight == 0 && c.mask.Load() != 0 {
		return c.known.Load()
	}
	return c.now()
}

// slow begins to read the time for fewer than all calls.
func (c *clock) slow(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.mask.Load() != 0 {
		return
	}
	c.known.Store(now)
	c.before = c.readings.Load()
	c.mask.Store(1)
	if c.timer == nil {
		c.timer = time.AfterFunc(stale, c.tick)
	} else {
		c.timer.Reset(stale)
	}
}

// tick reads the time for those that do not, and sets for how many that is by the number of
// calls that did since the last tick.
func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now, readings := c.now(), c.readings.Load()
	calls := (readings - c.before) * (c.mask.Load() + 1)
	passed := max(now-c.known.Swap(now), 1)
	c.before = readings
	each := min(calls*uint64(pace)/uint64(passed), rarest)
	mask := uint64(1)<<bits.Len64(each)>>1 - 1
	if each == 0 {
		mask = 0
	}
	c.mask.Store(mask)
	if mask != 0 {
		c.timer.Reset(stale)
	}
}

// close stops the timer.
func (c *clock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.mask.Store(0)
	if c.timer != nil {
		c.timer.Stop()
	}
}
