package policies

import "math/rand/v2"

// allSeeing takes the server of the least cost, of all of them, as they are at the
// moment; no real client could.
type allSeeing struct {
	mute

	view View
	rng  *rand.Rand
	cost func(v View, server int, work float64) float64
}

// leastWork is the central least-work-left oracle: it knows the work that is left
// everywhere and that of the call, and takes the server that would be done with it first.
func leastWork(v View, server int, work float64) float64 { return v.Expected(server, work) }

// shortestQueue knows how many requests each server has and how fast it is, but not how
// long any of them takes: the limit for a policy that cannot see the size of requests.
func shortestQueue(v View, server int, _ float64) float64 {
	depth := float64(v.RIF(server)+1) / float64(v.Workers(server))
	return max(depth, 1) / v.Speed(server)
}

func (c *allSeeing) Pick(_ int64, _ int32, work float64, _ []int) int {
	n := c.view.Servers()
	best, least, ties := -1, 0.0, 0
	for i := range n {
		if !c.view.Up(i) {
			continue
		}
		switch cost := c.cost(c.view, i, work); {
		case best < 0 || cost < least:
			best, least, ties = i, cost, 1
		case cost == least:
			if ties++; c.rng.IntN(ties) == 0 {
				best = i
			}
		}
	}
	return best
}

func (c *allSeeing) Done(int64, int32, int, End) {}

func (c *allSeeing) SetReady(int64, int, bool, bool) {}
