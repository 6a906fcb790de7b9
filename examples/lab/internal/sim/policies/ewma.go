package policies

import (
	"math"
	"math/rand/v2"
)

// peakEWMA is Finagle's P2C with peak-EWMA: of two different random servers, the one with the
// least ewma x (pending + 1), where a latency above the average replaces it, and one below
// blends in with a time constant of 10 s. A server without history costs a penalty for
// each call that is pending there
// (finagle-core, com.twitter.finagle.loadbalancer.PeakEwma).
type peakEWMA struct {
	mute

	ready ready
	rng   *rand.Rand
	nodes []ewmaNode
}

type ewmaNode struct {
	cost    float64 // ns
	stamp   int64
	pending int
}

const (
	ewmaDecay   = 10e9 // ns
	ewmaPenalty = float64(math.MaxInt64 >> 16)
)

func newPeakEWMA(f *Fleet) *peakEWMA {
	return &peakEWMA{ready: newReady(f.Servers), rng: f.Random, nodes: make([]ewmaNode, f.Servers)}
}

func (n *ewmaNode) observe(now int64, rtt float64) {
	w := math.Exp(-float64(max(now-n.stamp, 0)) / ewmaDecay)
	n.stamp = now
	if rtt > n.cost {
		n.cost = rtt
	} else {
		n.cost = n.cost*w + rtt*(1-w)
	}
}

func (n *ewmaNode) load(now int64) float64 {
	n.observe(now, 0)
	if n.cost == 0 && n.pending != 0 {
		return ewmaPenalty + float64(n.pending)
	}
	return n.cost * float64(n.pending+1)
}

func (c *peakEWMA) Pick(now int64, _ int32, _ float64, _ []int) int {
	a, b := c.ready.two(c.rng)
	if a < 0 {
		return -1
	}
	if c.nodes[b].load(now) < c.nodes[a].load(now) {
		a = b
	}
	c.nodes[a].pending++
	return a
}

func (c *peakEWMA) Done(now int64, _ int32, server int, e End) {
	c.nodes[server].pending--
	c.nodes[server].observe(now, float64(now-e.Started))
}

func (c *peakEWMA) SetReady(_ int64, server int, ready, fresh bool) {
	c.ready.set(server, ready)
	if fresh {
		c.nodes[server] = ewmaNode{pending: c.nodes[server].pending}
	}
}
