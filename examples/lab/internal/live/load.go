package live

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

// tooLate is the 99th percentile of the generator's lateness from which on a run says
// more about the machine than about a policy.
const tooLate = 5 * time.Millisecond

// slice makes the calls of a plan, by turns through the groups, beginning with the next
// period of the antagonists, and returns when all have ended. t may be nil.
func (f *fleet) slice(ctx context.Context, groups []*group, calls []call, t *tally) error {
	begin := f.base.Add((time.Since(f.base)/period + 1) * period)
	var wg sync.WaitGroup
	defer wg.Wait() // for at most the deadline
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, c := range calls {
		due := begin.Add(c.at)
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		late := time.Since(due)
		cc := groups[i%len(groups)].conns[c.client]
		wg.Go(func() {
			// Of the caller's deadline, what the generator lost is gone too.
			ctx, cancel := context.WithDeadline(ctx, due.Add(f.c.Deadline))
			defer cancel()
			reply := new(wrapperspb.Int64Value)
			err := cc.Invoke(ctx, method, durationpb.New(c.work), reply)
			took := time.Since(due)
			if t != nil && c.at >= f.c.Warmup {
				t.add(reply.GetValue(), took, late, err)
			}
		})
	}
	return nil
}

// tally counts the measured calls of a slice.
type tally struct {
	mu         sync.Mutex
	deadline   time.Duration
	took, late []time.Duration
	failed     int
	to         []int
}

func (t *tally) begin(c Config, calls int) {
	t.deadline, t.to = c.Deadline, make([]int, c.Servers)
	t.took, t.late = make([]time.Duration, 0, calls), make([]time.Duration, 0, calls)
}

func (t *tally) add(server int64, took, late time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed++
	} else {
		t.to[server]++
	}
	t.took, t.late = append(t.took, min(took, t.deadline)), append(t.late, late)
}

// result has the figures. The share is that of the calls that were answered, since a
// call that was not does not tell which server had it.
func (t *tally) result() result.Run {
	n := len(t.took)
	if n == 0 {
		return result.Run{}
	}
	slices.Sort(t.took)
	slices.Sort(t.late)
	sum := time.Duration(0)
	for _, d := range t.took {
		sum += d
	}
	late := quantile(t.late, 0.99)
	return result.Run{
		Calls: n, Mean: ms(sum / time.Duration(n)),
		P50: ms(quantile(t.took, 0.5)), P90: ms(quantile(t.took, 0.9)),
		P99: ms(quantile(t.took, 0.99)), P999: ms(quantile(t.took, 0.999)),
		Errors: float64(t.failed) / float64(n),
		Share:  float64(slices.Max(t.to)) / float64(max(n-t.failed, 1)),
		Late:   ms(late), Busy: late > tooLate,
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
