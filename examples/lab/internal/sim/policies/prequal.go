package policies

import (
	"math"
	"math/rand/v2"
)

// prequal is the client of Prequal as published (Wydrowski et al., "Load is not what you
// should balance", NSDI'24, section 4): each call sends probes to random servers; their
// answers fill a pool, from which the best one is used: among the cold ones that with the least latency, or if all are
// hot that with the fewest requests in flight. Hot is what has more requests in
// flight than a quantile of those in recent probes.
type prequal struct {
	ready ready
	rng   *rand.Rand

	size  int
	reuse float64 // b_reuse
	pool  []prequalProbe
	worst bool // is removed next, and not the oldest

	// Requests in flight in the last probes.
	recent [prequalRecent]uint16
	count  [prequalMost + 1]uint16
	seen   int
}

type prequalProbe struct {
	server  int
	rif     int
	latency float64
	at      int64
	uses    int
}

// The published parameters.
const (
	prequalProbes = 3   // r_probe
	prequalRemove = 1   // r_remove
	prequalDelta  = 1.0 // delta
	prequalAge    = 1e9 // ns
	prequalRecent = 128
	prequalMost   = 1023 // requests in flight that are told apart
)

// prequalQuantile is Q_RIF.
var prequalQuantile = math.Pow(2, -0.25)

// prequalReuse is b_reuse, how often a probe may be used, for a pool of m of n servers:
// max{1, (1+delta) / ((1-m/n) r_probe - r_remove)}. Where the pool holds
// nearly all servers the denominator is not positive, and b_reuse is 1.
func prequalReuse(m, n int) float64 {
	return max(1, (1+prequalDelta)/((1-float64(m)/float64(n))*prequalProbes-prequalRemove))
}

func newPrequal(f *Fleet, size int) *prequal {
	return &prequal{
		ready: newReady(f.Servers), rng: f.Random,
		size: size, reuse: prequalReuse(size, f.Servers),
	}
}

func (c *prequal) Pick(now int64, _ int32, _ float64, _ []int) int {
	c.expire(now)
	if len(c.pool) < 2 {
		return c.ready.any(c.rng)
	}
	k := c.best()
	p := &c.pool[k]
	server := p.server
	p.rif++ // counts at once
	if p.uses--; p.uses <= 0 {
		c.drop(k)
	}
	for range prequalRemove {
		c.remove()
	}
	return server
}

func (c *prequal) best() int {
	limit := c.quantile()
	cold, least := -1, 0
	for k := range c.pool {
		p := &c.pool[k]
		if p.rif <= limit && (cold < 0 || p.latency < c.pool[cold].latency) {
			cold = k
		}
		if p.rif < c.pool[least].rif {
			least = k
		}
	}
	if cold >= 0 {
		return cold
	}
	return least
}

// quantile is the number of requests in flight beyond which a server is hot.
func (c *prequal) quantile() int {
	want := int(math.Ceil(prequalQuantile * float64(min(c.seen, prequalRecent))))
	below := 0
	for rif, n := range c.count {
		if below += int(n); below >= want {
			return rif
		}
	}
	return prequalMost
}

// remove takes out the oldest and the worst in turn.
func (c *prequal) remove() {
	if len(c.pool) == 0 {
		return
	}
	if c.worst = !c.worst; !c.worst {
		c.drop(0) // the oldest
		return
	}
	limit := c.quantile()
	hot, slow := -1, 0
	for k := range c.pool {
		p := &c.pool[k]
		if p.rif > limit && (hot < 0 || p.rif > c.pool[hot].rif) {
			hot = k
		}
		if p.latency > c.pool[slow].latency {
			slow = k
		}
	}
	if hot >= 0 {
		slow = hot
	}
	c.drop(slow)
}

func (c *prequal) expire(now int64) {
	for len(c.pool) > 0 && now-c.pool[0].at > prequalAge {
		c.drop(0)
	}
}

// drop keeps the order, which is that of age.
func (c *prequal) drop(k int) {
	copy(c.pool[k:], c.pool[k+1:])
	c.pool = c.pool[:len(c.pool)-1]
}

func (c *prequal) Done(int64, int32, int, End) {}

// Probes asks random servers, without replacement.
func (c *prequal) Probes(_ int64, _ int32, to []int) []int {
	n := len(c.ready.list)
	for k := range min(prequalProbes, n) {
		j := k + c.rng.IntN(n-k)
		c.swap(k, j)
		to = append(to, c.ready.list[k])
	}
	return to
}

func (c *prequal) swap(i, j int) {
	l := c.ready.list
	l[i], l[j] = l[j], l[i]
	c.ready.place[l[i]], c.ready.place[l[j]] = i, j
}

func (c *prequal) Probed(now int64, server int, l *Load) {
	c.observe(min(l.RIF, prequalMost))
	if !c.ready.has(server) {
		return
	}
	c.forget(server)
	if len(c.pool) == c.size {
		c.drop(0)
	}
	uses := int(c.reuse)
	if c.rng.Float64() < c.reuse-float64(uses) {
		uses++
	}
	c.pool = append(c.pool, prequalProbe{server: server, rif: l.RIF, latency: l.Latency, at: now, uses: uses})
}

func (c *prequal) observe(rif int) {
	i := c.seen % prequalRecent
	if c.seen >= prequalRecent {
		c.count[c.recent[i]]--
	}
	c.recent[i] = uint16(rif)
	c.count[rif]++
	c.seen++
}

func (c *prequal) forget(server int) {
	for k := range c.pool {
		if c.pool[k].server == server {
			c.drop(k)
			return
		}
	}
}

func (c *prequal) SetReady(_ int64, server int, ready, _ bool) {
	c.ready.set(server, ready)
	if !ready {
		c.forget(server)
	}
}
