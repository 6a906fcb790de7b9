package policies

import "math/rand/v2"

// roundRobin takes the servers in turn, from a random one, as grpc-go's round_robin does.
type roundRobin struct {
	mute

	ready ready
	next  int
}

func newRoundRobin(f *Fleet) *roundRobin {
	return &roundRobin{ready: newReady(f.Servers), next: f.Random.IntN(f.Servers)}
}

func (c *roundRobin) Pick(int64, int32, float64, []int) int {
	if len(c.ready.list) == 0 {
		return -1
	}
	c.next++
	return c.ready.list[c.next%len(c.ready.list)]
}

func (c *roundRobin) Done(int64, int32, int, End) {}

func (c *roundRobin) SetReady(_ int64, server int, ready, _ bool) { c.ready.set(server, ready) }

// leastRequest takes the server with the fewer calls of this client in flight, of two
// that are drawn with replacement (gRFC A48, choiceCount 2, its default).
type leastRequest struct {
	mute

	ready    ready
	rng      *rand.Rand
	inFlight []int
}

func newLeastRequest(f *Fleet) *leastRequest {
	return &leastRequest{ready: newReady(f.Servers), rng: f.Random, inFlight: make([]int, f.Servers)}
}

func (c *leastRequest) Pick(int64, int32, float64, []int) int {
	best := c.ready.any(c.rng)
	if best < 0 {
		return -1
	}
	if other := c.ready.any(c.rng); c.inFlight[other] < c.inFlight[best] {
		best = other
	}
	c.inFlight[best]++
	return best
}

func (c *leastRequest) Done(_ int64, _ int32, server int, _ End) { c.inFlight[server]-- }

func (c *leastRequest) SetReady(_ int64, server int, ready, _ bool) { c.ready.set(server, ready) }
