package choose

import "github.com/freshet-io/freshet/balancer/internal/ewma"

// mean is a harmonic mean: one time that is beyond measure, or a lie, weighs
// nothing in it, and so does not make all others look alike.
type mean struct{ n, inverse float64 }

func (m *mean) add(x float64) {
	if x > 0 {
		m.n++
		m.inverse += 1 / x
	}
}

// value is the mean, or other if there is none.
func (m *mean) value(other float64) float64 {
	if m.n == 0 {
		return other
	}
	return m.n / m.inverse
}

// typical is what the candidates with a report have in common.
type typical struct {
	service mean
	peak    mean    // of peak-EWMAs
	others  float64 // average
}

// settle tells the costs that are still open from those of the others, and
// corrects those of endpoints that refuse more than the others do.
func (c *candidates) settle() {
	at := ewma.At(c.now)
	t := c.typical()
	for k := range c.n {
		if c.cost[k] == noLatency {
			e := c.endpoint(k)
			c.cost[k] = c.costUntimed(e, t.service.value(1)) * float32(e.price(at, c.set.tau))
		}
	}
	for k := range c.n {
		if c.cost[k] == noReport {
			c.cost[k] = float32(c.costUnreported(c.endpoint(k), &t))
		}
	}
	c.discountRefusals()
}

func (c *candidates) typical() (t typical) {
	for k := range c.n {
		if c.cost[k] == noReport {
			continue
		}
		e := c.endpoint(k)
		service, others := e.lasting()
		t.service.add(service)
		t.others += others / float64(c.reported)
		if peak, ok := e.peak.Load(); ok {
			t.peak.add(peak)
		}
	}
	if t.service.n == 0 {
		// Who knows no service time but by the client's own measurements knows no other.
		t.service = t.peak
	}
	return t
}

// costUntimed is the cost by a report that tells load and no latency: the one that the
// others have.
func (c *candidates) costUntimed(e *Endpoint, service float64) float32 {
	if e.odd.Load()&voided != 0 {
		return e.settled(service)
	}
	return e.expectedAt(c.now, e.speed.Load(), float32(service))
}

// trialMask makes one pick in 16 take an endpoint that nothing is known of.
const trialMask = 1<<4 - 1

// costUnreported is the cost at an endpoint that has never reported: others' load is
// taken to be average, and it is as much slower than average as the
// client's own measurements say. One that was never called has no latency: most
// picks leave it for others, and one in 16 takes it. Nor has one with nothing but streams,
// which bring no report while they are open, and may be so for days: it is compared by
// their number.
func (c *candidates) costUnreported(e *Endpoint, t *typical) float64 {
	at := ewma.At(c.now)
	latency := e.latency(at, c.set.tau)
	depth := t.others + float64(e.InFlight()) + 1
	switch {
	case latency == noHistory && e.streamsOnly():
		return t.service.value(1) * (base + depth)
	case latency == noHistory:
		return noHistory
	case latency == 0 && c.bits>>32&trialMask == 0:
		return 0
	case latency == 0:
		return t.service.value(1) * (base + depth)
	}
	slower := latency / t.peak.value(latency)
	return slower * t.service.value(1) * (base + depth) * e.price(at, c.set.tau)
}

// discountRefusals takes from those that refuse more than the others what they
// gain by it: who refuses everything seems to cost no less than the average of the
// others. Refusing is fast and leaves no load behind, so that by time alone one
// server that refuses what it should serve would get most of the calls.
func (c *candidates) discountRefusals() {
	at := ewma.At(c.now)
	var refused [MaxPool + strangers]float64
	total, weight, inverse := 0.0, 0.0, 0.0
	for k := range c.n {
		refused[k] = c.endpoint(k).refusals(at, c.set.tau)
		total += refused[k]
		if c.cost[k] > 0 {
			weight += 1 - refused[k]
			inverse += (1 - refused[k]) / float64(c.cost[k])
		}
	}
	if total == 0 || c.n < 2 || weight < wellBelow || inverse == 0 {
		return
	}
	average := weight / inverse
	for k := range c.n {
		excess := refused[k] - (total-refused[k])/float64(c.n-1)
		if gain := average - float64(c.cost[k]); excess > 0 && gain > 0 {
			c.cost[k] += float32(excess * gain)
		}
	}
}
