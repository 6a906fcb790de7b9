// Package latency estimates, in a server, what its requests take at the level of
// load that it has now.
//
//	var e latency.Estimator
//	e.Add(now, arrivedWith, took)       // how many others were in flight at arrival
//	d := e.Estimate(now, inFlight)      // 0: not known
//
// # How it estimates
//
// As in Prequal (NSDI'24, section 4), latencies are filed by the number of
// requests that were in flight when the request arrived; the levels are powers
// of two: 0, 1, 2-3, 4-7 and so on. Each level keeps an average of its last
// samples that forgets by count where they are dense (the last 8) and by time
// where they are sparse (1 s). The estimate is the average of the levels
// weighted by 4^-distance from the wanted level and by exp(-age / 1 s): the level
// at hand decides where it has fresh samples, its neighbours help where it has
// none, and a slowdown that was seen at one level is felt at the others.
//
// Levels without a sample in the last 10 s say nothing. If none says anything the
// estimate is unknown, never 0: a server that looked infinitely fast
// would attract all calls.
package latency

import (
	"math/bits"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

const (
	// levels covers 2^20 requests in flight.
	levels = 21
	// dense is the weight of a sample where samples are dense.
	dense = 1.0 / 8
	// falloff is the weight of a level relative to its nearer neighbour.
	falloff = 0.25
	// forget is the time constant of the averages.
	forget = time.Second
	// oldest is the weight that a level has 10 s after its last sample, exp(-10);
	// below it the level is no longer asked.
	oldest = 4.54e-5
)

// Estimator keeps recent latencies by level of requests in flight. The zero
// value is ready; all methods may be called concurrently and take no lock.
type Estimator struct {
	level [levels]ewma.Cell
}

func levelOf(inFlight int64) int {
	return min(bits.Len64(uint64(max(inFlight, 0))), levels-1)
}

// Add files a latency. Now is in nanoseconds since any fixed moment; inFlight is
// how many other requests were in flight when this one arrived.
func (e *Estimator) Add(now, inFlight int64, took time.Duration) {
	e.level[levelOf(inFlight)].Blend(ewma.At(now), float64(max(took, 1)), dense, ewma.Ticks(forget))
}

// AddBound files a latency that is known only as a lower bound, as that of a
// call that failed or was cancelled: it counts if it exceeds the estimate.
func (e *Estimator) AddBound(now, inFlight int64, atLeast time.Duration) {
	if est := e.Estimate(now, inFlight); est > 0 && atLeast > est {
		e.Add(now, inFlight, atLeast)
	}
}

// Estimate is what a request may take that arrives while inFlight others are in
// flight, or 0 if that is not known.
func (e *Estimator) Estimate(now, inFlight int64) time.Duration {
	var sum, weight float64
	at, tau := ewma.At(now), ewma.Ticks(forget)
	want := levelOf(inFlight)
	for i := range e.level {
		v, w := e.level[i].Weighed(at, tau)
		if w < oldest {
			continue
		}
		w *= kernel(want - i)
		sum += v * w
		weight += w
	}
	if weight == 0 {
		return 0
	}
	return max(time.Duration(sum/weight), 1)
}

// kernel is falloff to the power of the distance.
func kernel(distance int) float64 {
	w := 1.0
	for d := max(distance, -distance); d > 0; d-- {
		w *= falloff
	}
	return w
}
