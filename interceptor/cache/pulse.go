package cache

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// failingAfter is how many calls to a target must fail in a row, whatever their
	// keys, for it to count as failing.
	failingAfter = 3
	// probeEvery is how long a failing target is left alone at most, while there are
	// calls that want something of it: the waits of single keys grow further.
	probeEvery = 5 * time.Second
)

// pulse knows whether a target is failing as a whole: then even the first call of
// a key need not find that out for itself. Calls that are answered stale for it
// go on asking in the background, so that a recovery is seen. When it is, no key waits any
// longer for its own turn.
type pulse struct {
	failures  atomic.Int32
	asked     atomic.Int64 // when a call to it ended last, or a probe began
	recovered atomic.Int64 // when it was last seen well after it had been failing, since the cache's base
}

func (p *pulse) failing() bool { return p.failures.Load() >= failingAfter }

// probes reports whether the target is failing and it is time to ask whether it still is. It says so
// to one caller.
func (p *pulse) probes(now time.Duration) bool {
	if !p.failing() {
		return false
	}
	last := p.asked.Load()
	return now-time.Duration(last) >= probeEvery && p.asked.CompareAndSwap(last, int64(now))
}

// ended notes how a call ended. An error of one method says nothing of the others.
func (p *pulse) ended(code codes.Code, now time.Duration) {
	if code == codes.Canceled {
		return // it was given up here: nobody has answered
	}
	p.asked.Store(int64(now))
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded:
		if p.failures.Load() < failingAfter {
			p.failures.Add(1)
		}
	default:
		if p.failures.Load() != 0 && p.failures.Swap(0) >= failingAfter && !originFailure(code) {
			p.recovered.Store(int64(now))
		}
	}
}
