package live

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An antagonist slows its server down by this for burst of every period.
const (
	antagonism = 10
	burst      = 300 * time.Millisecond
	period     = 3 * time.Second
)

// slowness is how many times slower than a fast one a server is.
func (c Config) slowness(i int) float64 {
	if i%2 == 1 {
		return c.Slower
	}
	return 1
}

// hasAntagonist spreads the antagonists evenly over the servers.
func (c Config) hasAntagonist(i int) bool {
	return c.Antagonists > 0 && (i*c.Antagonists)%c.Servers < c.Antagonists
}

func logNormal(mean time.Duration, sigma float64) func(*rand.Rand) time.Duration {
	mu := math.Log(float64(mean)) - sigma*sigma/2
	return func(rng *rand.Rand) time.Duration {
		return time.Duration(math.Exp(mu + sigma*rng.NormFloat64()))
	}
}

// machine is a queue before workers.
type machine struct {
	base       time.Time // antagonists' bursts begin at multiples of period after it
	slowness   float64
	antagonist bool
	jobs       chan job
	busy       atomic.Int64 // workers
}

type job struct {
	ctx     context.Context
	arrived time.Time
	work    time.Duration
	done    chan error
}

// queued is how many jobs may wait: more than arrive within the deadline at any load
// that makes sense.
const queued = 1 << 16

// do waits until the work is done, or dropped.
func (m *machine) do(ctx context.Context, work time.Duration) error {
	j := job{ctx, time.Now(), work, make(chan error, 1)}
	select {
	case m.jobs <- j:
	default:
		return status.Error(codes.ResourceExhausted, "the queue is full")
	}
	return <-j.done
}

// worker takes jobs until the channel is closed. It ends a job when it should have
// ended, as if the one before had not ended late: what a sleep is too long does not add up.
func (m *machine) worker() {
	var free time.Time
	for j := range m.jobs {
		if j.ctx.Err() != nil {
			j.done <- status.FromContextError(j.ctx.Err()).Err()
			continue
		}
		begin := j.arrived
		if free.After(begin) {
			begin = free
		}
		m.busy.Add(1)
		free = m.end(begin, j.work)
		time.Sleep(time.Until(free))
		m.busy.Add(-1)
		j.done <- nil
	}
}

// end is when work that begins now is done.
func (m *machine) end(begin time.Time, work time.Duration) time.Time {
	left := time.Duration(float64(work) * m.slowness)
	if !m.antagonist {
		return begin.Add(left)
	}
	for {
		phase := begin.Sub(m.base) % period
		pace, until := time.Duration(1), period-phase
		if phase < burst {
			pace, until = antagonism, burst-phase
		}
		if left*pace <= until {
			return begin.Add(left * pace)
		}
		begin, left = begin.Add(until), left-until/pace
	}
}
