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
	Expiry   time.Duration // how long a report is fresh
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
	// measurements, or one whose turn it was.
	TwoChoices
)

// Set chooses among the endpoints that are ready at one time. It is immutable
// and may be used concurrently; what it knows lives in the endpoints and
// the pool, which outlive it.
type Set struct {
	params  Params
	tau     float64
	members []*Endpoint
	pool    *Pool
	all     bool // so few members that a pick compares all
}

// NewSet returns a Set of at least one member. It takes over members. Of two
// sets that share endpoints, only the newer one sees the pool.
func NewSet(p Params, pool *Pool, members []*Endpoint) *Set {
	s := &Set{params: p, tau: ewma.Ticks(p.Decay), members: members, pool: pool}
	s.all = len(members) <= p.PoolSize+strangers
	for i, e := range members {
		e.position.Store(int32(i))
		if e.home.Load() != pool {
			e.home.Store(pool)
		}
	}
	return s
}

const (
	// exploreMask makes one pick in 256 look for a neglected endpoint, among
	// exploreScan members.
	exploreMask = 1<<8 - 1
	exploreScan = 16
	// sampleMask makes one pick in 16 count, for all of them.
	sampleMask = 1<<4 - 1
	// strangers is how many random endpoints are compared beside the pool.
	strangers = 2
	// tie is the difference that decides nothing between two choices, in latencies
	// of the faster one.
	tie = 0.1
)

// Pick chooses a member. Now is in ns, r is 64 random bits.
func (s *Set) Pick(now int64, r uint64) (int, Rule) { return s.PickWhere(now, r, nil) }

// PickWhere is Pick among the members for whose index allowed is true, nil for all.
// Where it is true for none, or all others are barred, it chooses one nevertheless.
func (s *Set) PickWhere(now int64, r uint64, allowed func(int) bool) (int, Rule) {
	m := mix(r)
	if m&sampleMask == 0 {
		s.pool.sampled(now, sampleMask+1)
		if m&exploreMask == 0 && len(s.members) > 1 {
			if i, ok := s.neglected(now, r); ok && (allowed == nil || allowed(i)) {
				return i, TwoChoices
			}
		}
	}
	if len(s.members) == 1 {
		return 0, Only
	}
	c := candidates{set: s, now: now, bits: m >> 8, allowed: allowed}
	c.gather(r)
	switch {
	case c.reported > 0:
		return c.pick()
	case c.n == 0:
		return s.any(now, r, allowed), TwoChoices
	default:
		return c.pair(), TwoChoices
	}
}

// two draws two different members.
func (s *Set) two(r uint64) (int, int) {
	n := uint64(len(s.members))
	i, _ := bits.Mul64(r, n)
	j, _ := bits.Mul64(mix(r^0x9e3779b97f4a7c15), n-1)
	if j >= i {
		j++
	}
	return int(i), int(j)
}

// neglected is, of a random stretch of members, the one that was not picked for
// longest, if that is longer than a report is fresh and no call is on its way there
// but streams, whose end may be far.
func (s *Set) neglected(now int64, r uint64) (int, bool) {
	n, at := len(s.members), ewma.At(now)
	start, _ := bits.Mul64(r, uint64(n))
	longest, since := -1, uint32(ewma.Ticks(s.params.Expiry))
	for k := range min(n, exploreScan) {
		i := (int(start) + k) % n
		e := s.members[i]
		idle := uint32(math.MaxUint32)
		if last := e.lastPicked(); last != 0 {
			idle = uint32(at - last)
		}
		if idle > since && e.InFlight() <= e.streams.Load() && e.open(now) && !e.exhausted(now, s.pool, n, r) {
			longest, since = i, idle
		}
	}
	return longest, longest >= 0
}

// any is the first member from a random one that may be chosen, or else one that
// at least is allowed, or else any.
func (s *Set) any(now int64, r uint64, allowed func(int) bool) int {
	n := len(s.members)
	start, _ := bits.Mul64(r, uint64(n))
	second := -1
	for k := range n {
		i := (int(start) + k) % n
		switch {
		case allowed != nil && !allowed(i):
		case s.members[i].open(now):
			return i
		case second < 0:
			second = i
		}
	}
	return max(second, 0)
}

// mix spreads the bits of x: the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
