package load

import (
	"context"
	"sync"
	"time"
)

// nap is the longest wait between two looks at whether to go on.
const nap = 50 * time.Millisecond

// Drive makes every call at start plus its offset, each on a goroutine of its
// own, and returns when all have ended. When ctx ends it starts no more. Calls
// must be sorted by time; do is given a call's index, and when it was due, which
// is what latency is to be measured from. It waits with sleep: [Sleep], or
// time.Sleep where time is not real.
func Drive(
	ctx context.Context, start time.Time, calls []Call, sleep func(time.Duration),
	do func(ctx context.Context, i int, due time.Time),
) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range calls {
		due := start.Add(calls[i].At)
		for wait := time.Until(due); wait > 0 && ctx.Err() == nil; wait = time.Until(due) {
			sleep(min(wait, nap))
		}
		if ctx.Err() != nil {
			return
		}
		wg.Go(func() { do(ctx, i, due) })
	}
}
