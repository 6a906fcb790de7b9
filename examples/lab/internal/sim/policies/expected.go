package policies

import "math/rand/v2"

// expected is a reference for what reports are worth: service time x (RIF + 1), over a
// pool of the freshest reports, fed by replies and by one probe a call. The server is taken to know what
// requests take apart from the time that they wait, which no real one does.
type expected struct {
	ready ready
	rng   *rand.Rand
	pool  []expectedReport // oldest first
	size  int
}

type expectedReport struct {
	server  int
	rif     int
	service float64
	at      int64
}

func newExpected(f *Fleet, size int) *expected {
	return &expected{ready: newReady(f.Servers), rng: f.Random, size: size}
}

func (c *expected) Pick(now int64, _ int32, _ float64, _ []int) int {
	for len(c.pool) > 0 && now-c.pool[0].at > prequalAge {
		c.drop(0)
	}
	if len(c.pool) < 2 {
		return c.ready.any(c.rng)
	}
	best := 0
	for k := range c.pool {
		if c.pool[k].cost() < c.pool[best].cost() {
			best = k
		}
	}
	c.pool[best].rif++
	return c.pool[best].server
}

func (r *expectedReport) cost() float64 { return r.service * float64(r.rif+1) }

func (c *expected) drop(k int) {
	copy(c.pool[k:], c.pool[k+1:])
	c.pool = c.pool[:len(c.pool)-1]
}

func (c *expected) Done(now int64, _ int32, server int, e End) {
	if e.Load != nil {
		c.Probed(now, server, e.Load)
	}
}

func (c *expected) Probes(_ int64, _ int32, to []int) []int {
	if server := c.ready.any(c.rng); server >= 0 {
		to = append(to, server)
	}
	return to
}

func (c *expected) Probed(now int64, server int, l *Load) {
	c.forget(server)
	if !c.ready.has(server) {
		return
	}
	if len(c.pool) == c.size {
		c.drop(0)
	}
	c.pool = append(c.pool, expectedReport{server, l.RIF, l.Latency, now})
}

func (c *expected) forget(server int) {
	for k := range c.pool {
		if c.pool[k].server == server {
			c.drop(k)
			return
		}
	}
}

func (c *expected) SetReady(_ int64, server int, ready, _ bool) {
	c.ready.set(server, ready)
	c.forget(server)
}

// serviceMeter averages the time in service of the last requests.
type serviceMeter struct {
	seen    int
	service float64
}

func (m *serviceMeter) Arrive(int64, int) {}

func (m *serviceMeter) Depart(_ int64, s Served, _ int) {
	m.seen++
	m.service += (float64(s.Took) - m.service) / float64(min(m.seen, 64))
}

func (m *serviceMeter) Load(_ int64, rif int, l *Load) { l.RIF, l.Latency = rif, m.service }

func (m *serviceMeter) Occupy(int64, float64) {}
