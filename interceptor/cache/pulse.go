package cache

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// failingAfter is how many calls to a target must fail in a row, whatever their
// keys, for it to count as failing.
const failingAfter = 3

// pulse knows whether a target is failing as a whole: then even the first call of
// a key need not find that out for itself. Calls that are answered stale for it
// go on asking in the background, so that a recovery is seen. When it is, no key waits any
// longer for its own turn.
type pulse struct {
	failures  atomic.Int32
	recovered atomic.Int64 // when it was last seen well after it had been failing, since the cache's base
}

func (p *pulse) failing() bool { return p.failures.Load() >= failingAfter }

// ended notes how a call ended. An error of one method says nothing of the others.
func (p *pulse) ended(code codes.Code, now time.Duration) {
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded:
		if p.failures.Load() < failingAfter {
			p.failures.Add(1)
		}
	case codes.Canceled:
	default:
		if p.failures.Load() != 0 && p.failures.Swap(0) >= failingAfter {
			p.recovered.Store(int64(now))
		}
	}
}
