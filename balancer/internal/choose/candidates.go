package choose

import (
	"math"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// candidates are the endpoints that one pick compares, on its stack.
type candidates struct {
	set     *Set
	now     int64
	bits    uint64 // random
	allowed func(int) bool

	n        int
	reported int  // how many have a report, of whatever age
	odd      bool // the costs of some can only be told beside those of others
	at       [MaxPool + strangers]int32
	cost     [MaxPool + strangers]float32 // or one of the marks
}

// Marks of costs that are yet to be told.
const (
	noLatency = -1 // a report without
	noReport  = -2
)

// How many times the least cost another may be and still be as good: estimates are no
// better than that, and always taking the least would send everything one way.
// Where that is the cost of an idle server, load is no reason to be choosy, and the best
// may owe its place to a few lucky samples.
const (
	slack     = 1.05
	slackIdle = 1.25
	idle      = 1.25 // requests, the new one included
)

// slack is the one that holds if k is the cheapest.
func (c *candidates) slack(k int) float32 {
	service, _ := c.endpoint(k).lasting()
	if c.cost[k] < float32(service*(base+idle)) {
		return slackIdle
	}
	return slack
}

// gather collects who is compared: all of few, or else those of the pool and a
// few others.
func (c *candidates) gather(r uint64) {
	s := c.set
	if s.all {
		for i, e := range s.members {
			c.add(e, i)
		}
		return
	}
	for k := range s.params.PoolSize {
		e := s.pool.slots[k].Load()
		if e == nil {
			continue
		}
		if i := int(e.position.Load()); i < len(s.members) && s.members[i] == e {
			c.add(e, i)
		}
	}
	i, j := s.two(r)
	c.add(s.members[i], i)
	c.add(s.members[j], j)
}

// add takes in an endpoint that may be chosen.
func (c *candidates) add(e *Endpoint, index int) {
	if c.allowed != nil && !c.allowed(index) {
		return
	}
	cost, ok := e.expected(c.now)
	if odd := e.odd.Load(); odd != 0 || !ok {
		if cost, ok = c.oddCost(e, odd, cost, ok); !ok {
			return
		}
	}
	if cost != noReport {
		c.reported++
	}
	c.at[c.n], c.cost[c.n] = int32(index), cost
	c.n++
}

// oddCost is the cost where something is out of the ordinary, and false if the endpoint
// is not to be chosen.
func (c *candidates) oddCost(e *Endpoint, odd uint32, cost float32, told bool) (float32, bool) {
	s := c.set
	if !e.open(c.now) || odd&rationed != 0 && e.exhausted(c.now, s.pool, len(s.members), c.bits) {
		return 0, false
	}
	switch {
	case !e.known():
		cost = noReport
	case !told:
		cost = noLatency
	default:
		if odd&voided != 0 {
			service, _ := e.lasting()
			cost = e.settled(service)
		}
		if odd&failing != 0 {
			cost *= float32(e.price(ewma.At(c.now), s.tau))
		}
	}
	c.odd = c.odd || cost < 0 || odd&refusing != 0
	return cost, true
}

func (c *candidates) endpoint(k int) *Endpoint { return c.set.members[c.at[k]] }

// pick draws one of the cheapest, but none that has had far too much of late.
func (c *candidates) pick() (int, Rule) {
	if c.odd {
		c.settle()
	}
	first := -1
	for range c.n {
		k := c.cheapest()
		e := c.endpoint(k)
		if e.picks(c.now) <= fewSuspect || !c.exceeds(k, e) {
			return c.choose(k)
		}
		if first < 0 {
			first = k
		}
		c.cost[k] = math.MaxFloat32
	}
	return c.choose(first)
}

func (c *candidates) choose(k int) (int, Rule) {
	if c.endpoint(k).known() {
		return int(c.at[k]), Report
	}
	return int(c.at[k]), TwoChoices
}

// cheapest is the first within slack of the least cost, from a random one.
func (c *candidates) cheapest() int {
	costs := c.cost[:c.n]
	best, least := 0, costs[0]
	for k, cost := range costs[1:] {
		if cost < least {
			best, least = k+1, cost
		}
	}
	limit := least * c.slack(best)
	k := int(uint64(uint32(c.bits)) * uint64(len(costs)) >> 32)
	for costs[k] > limit {
		if k++; k == len(costs) {
			k = 0
		}
	}
	return k
}

// exceeds reports whether a candidate has had so many picks in this span that its
// reports must be in error, or lies.
func (c *candidates) exceeds(k int, e *Endpoint) bool {
	got := float64(e.picks(c.now))
	fair, soFar := c.set.pool.fair(c.now, len(c.set.members))
	return got > few+clamp*fair || got > fewSuspect+clampSuspect*soFar && c.suspect(k)
}

// suspect reports whether a candidate claims to be far faster, in comparison
// with the others, than the client has seen it to be, by lower envelopes.
func (c *candidates) suspect(k int) bool {
	claimed, _ := c.endpoint(k).lasting()
	seen, ok := c.endpoint(k).floor.Load()
	var claims, sights mean
	for i := range c.n {
		if i == k {
			continue
		}
		service, _ := c.endpoint(i).lasting()
		claims.add(service)
		if floor, ok := c.endpoint(i).floor.Load(); ok {
			sights.add(floor)
		}
	}
	return ok && claimed*boast*sights.value(seen) < claims.value(claimed)*seen
}

// pair is the cheaper of the first two candidates, which are random, by the client's own
// measurements: peak-EWMA times calls in flight, the new one included.
func (c *candidates) pair() int {
	if c.set.all {
		c.shuffle()
	}
	if c.n == 1 {
		return int(c.at[0])
	}
	one, other := c.endpoint(0), c.endpoint(1)
	a, latencyA := c.ownCost(one)
	b, latencyB := c.ownCost(other)
	switch {
	case latencyA == noHistory && latencyB > 0 && one.streamsOnly():
		a = latencyB * float64(one.InFlight()+1)
	case latencyB == noHistory && latencyA > 0 && other.streamsOnly():
		b = latencyA * float64(other.InFlight()+1)
	}
	if b < a-tie*min(latencyA, latencyB) {
		return int(c.at[1])
	}
	return int(c.at[0])
}

// shuffle moves two random candidates to the front.
func (c *candidates) shuffle() {
	r := mix(c.bits)
	for k := range min(2, c.n-1) {
		j := k + int(uint64(uint32(r))*uint64(c.n-k)>>32)
		c.at[k], c.at[j] = c.at[j], c.at[k]
		r = mix(r)
	}
}

func (c *candidates) ownCost(e *Endpoint) (cost, latency float64) {
	at := ewma.At(c.now)
	latency = e.latency(at, c.set.tau)
	return latency * float64(e.InFlight()+1) * e.price(at, c.set.tau), latency
}
