package choose

import (
	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// candidates are the endpoints that one pick compares, on its stack.
type candidates struct {
	n    int // with a report
	all  int // with those that have none
	at   [MaxPool + 2]int32
	cost [MaxPool + 2]float64

	// What the reported ones have in common, to judge the others by. Averages of
	// times are harmonic: one server that is slow beyond measure, or says so, must
	// not make all the others look alike.
	known   float64 // how many latencies are known
	latency float64 // sum of their inverses
	total   float64 // the same for what calls take, overhead included
	others  float64 // sum of others' load
	peaked  float64 // how many peak-EWMAs are known
	peak    float64 // sum of their inverses
	refusal float64 // sum of shares of refusals

	service [MaxPool]float64
	beside  [MaxPool]float64
	depth   [MaxPool]float64
	price   [MaxPool]float64
	refused [MaxPool]float64
}

// add takes in an endpoint with a fresh report.
func (c *candidates) add(e *Endpoint, index int, at ewma.Tick, tau float64) {
	i := c.n
	latency, others := e.reported()
	floor, seen := e.floor.Load()
	if latency == 0 && seen {
		latency = floor
	}
	c.at[i] = int32(index)
	c.service[i] = latency
	c.beside[i] = max(floor-latency, 0)
	c.depth[i] = others + float64(e.inFlight.Load()) + 1
	c.price[i] = e.price(at, tau)
	if latency > 0 {
		c.latency += 1 / latency
		c.total += 1 / (latency + c.beside[i])
		c.known++
	}
	c.others += others
	c.refused[i] = e.refusals(at, tau)
	c.refusal += c.refused[i]
	if peak, ok := e.peak.Load(); ok && peak > 0 {
		c.peak += 1 / peak
		c.peaked++
	}
	c.n++
	c.all++
}

// score computes the expected time of the reported ones. One whose latency
// nobody knows counts as average.
func (c *candidates) score() {
	for i := range c.n {
		service, beside := c.service[i], c.beside[i]
		if service == 0 {
			service, beside = c.meanLatency(), c.meanOverhead()
		}
		c.cost[i] = (beside + service*c.depth[i]) * c.price[i]
	}
	if c.refusal > 0 && c.n > 1 {
		c.discountRefusals()
	}
}

// discountRefusals takes from those that refuse more than the others what they
// gain by it: who refuses everything seems to cost no less than the average of the
// others. Refusing is fast and leaves no load behind, so that by time alone one
// server that refuses what it should serve would get most of the calls.
func (c *candidates) discountRefusals() {
	var weight, inverse float64
	for i := range c.n {
		w := 1 - c.refused[i]
		weight += w
		inverse += w / c.cost[i]
	}
	if weight < wellBelow {
		return
	}
	average := weight / inverse
	for i := range c.n {
		excess := c.refused[i] - (c.refusal-c.refused[i])/float64(c.n-1)
		if gain := average - c.cost[i]; excess > 0 && gain > 0 {
			c.cost[i] += excess * gain
		}
	}
}

func (c *candidates) meanLatency() float64 {
	if c.known == 0 {
		return 1
	}
	return c.known / c.latency
}

func (c *candidates) meanOverhead() float64 {
	if c.known == 0 {
		return 0
	}
	return max(c.known/c.total-c.meanLatency(), 0)
}

// average is the expected time at a reported endpoint of average load on which
// this client has no call.
func (c *candidates) average() float64 {
	return c.meanOverhead() + c.meanLatency()*(c.others/float64(c.n)+1)
}

// costUnreported is the expected time at an endpoint without a fresh report:
// others' load is taken to be average, and it is as much slower than
// average as the client's own measurements say.
func (c *candidates) costUnreported(e *Endpoint, at ewma.Tick, tau float64) float64 {
	latency := e.latency(at, tau)
	if latency == 0 || latency == noHistory {
		return latency
	}
	slower := 1.0
	if c.peaked > 0 {
		slower = latency * c.peak / c.peaked
	}
	depth := c.others/float64(c.n) + float64(e.inFlight.Load()) + 1
	return slower * (c.meanOverhead() + c.meanLatency()*depth) * e.price(at, tau)
}

// quiet reports whether the reported servers have, on average, less than half a
// request of others in flight: then the little that reports tell of load is no
// reason to pass over servers that have not reported.
func (c *candidates) quiet() bool { return c.others < 0.5*float64(c.n) }

func (c *candidates) has(index int) bool {
	for i := range c.n {
		if c.at[i] == int32(index) {
			return true
		}
	}
	return false
}

// addUnreported takes in an endpoint without a fresh report, and returns its cost.
func (c *candidates) addUnreported(e *Endpoint, index int, at ewma.Tick, tau float64) float64 {
	cost := c.costUnreported(e, at, tau)
	c.at[c.all] = int32(index)
	c.cost[c.all] = cost
	c.all++
	return cost
}

// pick draws one of the cheapest. Costs that differ by less than half a service
// time are as good as equal: estimates are not better than that, and taking the
// least every time would send everything one way.
func (c *candidates) pick(r uint32) (int, Rule) {
	least := c.cost[0]
	for _, cost := range c.cost[1:c.all] {
		least = min(least, cost)
	}
	limit := least + slack*(c.meanLatency()+c.meanOverhead())
	chosen, ties := 0, uint32(0)
	for i, cost := range c.cost[:c.all] {
		if cost > limit {
			continue
		}
		ties++
		r = r*1664525 + 1013904223
		if uint32(uint64(r)*uint64(ties)>>32) == 0 {
			chosen = i
		}
	}
	if chosen >= c.n {
		return int(c.at[chosen]), TwoChoices
	}
	return int(c.at[chosen]), Report
}
