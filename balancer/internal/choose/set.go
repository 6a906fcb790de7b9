package choose

import (
	"math"
	"math/bits"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// Params are the settings of a choice.
type Params struct {
	PoolSize int           // 1 to MaxPool
	Expiry   time.Duration // how long a report is believed
	Decay    time.Duration // time constant of the client's own averages
}

// Rule is the branch that a choice took.
type Rule uint8

const (
	// Only is the choice of the only endpoint.
	Only Rule = iota
	// Report is the best expected time by reports.
	Report
	// TwoChoices is the better of two random endpoints by the client's own
	// measurements.
	TwoChoices
)

// Set chooses among the endpoints that are ready at one time. It is immutable
// and may be used concurrently; what it knows lives in the endpoints and
// the pool, which outlive it.
type Set struct {
	params  Params
	tau     float64
	members []*Endpoint
	pool    *Pool // nil if every member has a place
}

// NewSet returns a Set of at least one member. It takes over members. Of two
// sets that share endpoints, only the newer one sees the pool.
func NewSet(p Params, pool *Pool, members []*Endpoint) *Set {
	s := &Set{params: p, tau: ewma.Ticks(p.Decay), members: members}
	if len(members) > p.PoolSize {
		s.pool = pool
	}
	for i, e := range members {
		e.position.Store(int32(i))
	}
	return s
}

const (
	// exploreMask makes one pick in 256 look for a neglected endpoint, among
	// exploreScan members.
	exploreMask = 1<<8 - 1
	exploreScan = 16
	// renewMask makes one pick in 16 consider endpoints without a fresh report.
	renewMask = 1<<4 - 1
	// notBad is how many times the average an unreported endpoint may seem to
	// cost to be taken for renewal.
	notBad = 2
	// slack is the difference in cost that decides nothing, in average service
	// times.
	slack = 0.5
	// tie is the same for two choices, in latencies of the faster one.
	tie = 0.1
)

// Pick chooses a member and says by which rule. Now is in ns, r is 64 random bits.
func (s *Set) Pick(now int64, r uint64) (int, Rule) {
	if len(s.members) == 1 {
		return 0, Only
	}
	m := mix(r)
	if m&exploreMask == 0 {
		if i, ok := s.neglected(now, r); ok {
			return i, TwoChoices
		}
	}
	m >>= 8
	var c candidates
	s.gather(&c, now)
	if c.n < 2 {
		return s.twoChoices(now, r), TwoChoices
	}
	c.score()
	if renew := m&renewMask == 0; c.n < len(s.members) && (renew || c.quiet()) {
		if i, ok := s.addUnreported(&c, now, r); ok && renew {
			return i, TwoChoices
		}
	}
	return c.pick(uint32(m >> 32))
}

// gather collects the members whose reports are fresh.
func (s *Set) gather(c *candidates, now int64) {
	at := ewma.At(now)
	if s.pool == nil {
		for i, e := range s.members {
			if e.fresh(now, s.params.Expiry) {
				c.add(e, i, at, s.tau)
			}
		}
		return
	}
	for i := range s.params.PoolSize {
		e := s.pool.slots[i].Load()
		if e == nil || !e.fresh(now, s.params.Expiry) {
			continue
		}
		if pos := int(e.position.Load()); pos < len(s.members) && s.members[pos] == e {
			c.add(e, pos, at, s.tau)
		}
	}
}

// pair draws two different members.
func (s *Set) pair(r uint64) (int, int) {
	n := uint64(len(s.members))
	i, _ := bits.Mul64(r, n)
	j, _ := bits.Mul64(mix(r^0x9e3779b97f4a7c15), n-1)
	if j >= i {
		j++
	}
	return int(i), int(j)
}

// neglected is, of a random stretch of members, the one that was not picked for
// longest, if that is longer than a report lives and no call is on its way there
// but streams, whose end may be far.
func (s *Set) neglected(now int64, r uint64) (int, bool) {
	n := len(s.members)
	start, _ := bits.Mul64(r, uint64(n))
	longest, since := -1, now-int64(s.params.Expiry)
	for k := range min(n, exploreScan) {
		i := (int(start) + k) % n
		e := s.members[i]
		if at := e.lastPicked.Load(); at < since && e.inFlight.Load() <= e.streams.Load() {
			longest, since = i, at
		}
	}
	return longest, longest >= 0
}

// twoChoices is the cheaper of two random members, by the client's own
// measurements.
func (s *Set) twoChoices(now int64, r uint64) int {
	i, j := s.pair(r)
	at := ewma.At(now)
	a, latencyA := s.ownCost(s.members[i], at)
	b, latencyB := s.ownCost(s.members[j], at)
	if b < a-tie*min(latencyA, latencyB) {
		return j
	}
	return i
}

// ownCost is peak-EWMA times calls in flight, the new one included.
func (s *Set) ownCost(e *Endpoint, at ewma.Tick) (cost, latency float64) {
	latency = e.latency(at, s.tau)
	return latency * float64(e.inFlight.Load()+1) * e.price(at, s.tau), latency
}

// addUnreported adds up to two random members that have no fresh report. It
// returns the cheaper of them, and false if that one seems bad.
func (s *Set) addUnreported(c *candidates, now int64, r uint64) (int, bool) {
	i, j := s.pair(r)
	at := ewma.At(now)
	best, cheapest := 0, math.Inf(1)
	for _, k := range [2]int{i, j} {
		if c.has(k) {
			continue
		}
		cost := c.addUnreported(s.members[k], k, at, s.tau)
		if cost < cheapest {
			best, cheapest = k, cost
		}
	}
	return best, cheapest <= notBad*c.average()
}

// mix spreads the bits of x: the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
