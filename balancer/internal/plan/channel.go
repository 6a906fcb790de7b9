package plan

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/locality"
)

// Channel is what outlives the plans of one channel. Its methods may be called
// concurrently.
type Channel struct {
	seed     uint64
	observer Observer

	mu    sync.Mutex
	tiers map[int]*state // by priority
	last  []*Endpoint    // members of the last plan
}

// state is what outlives a tier.
type state struct {
	priority int
	group    eject.Group
	config   locality.Config
	spill    *locality.Spill
	home     *choose.Pool
	away     *choose.Pool
	rings    atomic.Pointer[rings]
}

// Plan is a choice among the endpoints that are ready at one time. It is immutable
// and may be used concurrently: what changes lives in the endpoints and the channel.
type Plan struct {
	params   Params
	observer Observer
	members  []Member
	tiers    []*tier // by priority
	// shares is what part of the calls each tier gets; nil with one tier.
	shares atomic.Pointer[[]float64]
}

type tier struct {
	*state
	total  int // endpoints, ready or not
	states []*eject.State
	index  []int   // of states, among the members
	parts  []*part // of states
	home   *part   // of the own zone; nil if none is there
	away   *part   // of the others; nil if none is there
}

// part are the endpoints among which a score decides.
type part struct {
	tier  *tier
	set   *choose.Set
	pool  *choose.Pool
	index []int // of the set's members, among the plan's
	ids   []string
	once  sync.Once
	ring  *affinity.Ring
}

// NewChannel returns a Channel. Seed is random and different for each client.
// Observer may be nil.
func NewChannel(seed uint64, observer Observer) *Channel {
	return &Channel{seed: seed, observer: observer, tiers: make(map[int]*state)}
}

// Plan returns the plan for members, of which there must be one, as of now. Totals
// says how many endpoints of each priority there are, with those that are down; it may
// be nil where all members have the same.
func (c *Channel) Plan(now int64, p Params, members []Member, totals map[int]int) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	pl := &Plan{params: p, observer: c.observer, members: members}
	byTier := make(map[int][]int)
	for i, m := range members {
		m.marked.Store(m.Drained)
		byTier[m.Priority] = append(byTier[m.Priority], i)
	}
	for priority, index := range byTier {
		pl.tiers = append(pl.tiers, c.tier(pl, priority, index, totals[priority]))
	}
	slices.SortFunc(pl.tiers, func(a, b *tier) int { return a.priority - b.priority })
	c.welcome(now, pl)
	for _, t := range pl.tiers {
		t.sweep(now, pl)
	}
	return pl
}

func (c *Channel) tier(pl *Plan, priority int, index []int, total int) *tier {
	p := &pl.params
	s := c.tiers[priority]
	if s == nil {
		s = &state{priority: priority, home: choose.NewPool(p.Choose.PoolSize), away: choose.NewPool(p.Choose.PoolSize)}
		c.tiers[priority] = s
	}
	s.home.Resize(p.Choose.PoolSize)
	s.away.Resize(p.Choose.PoolSize)
	if s.spill == nil || s.config != p.Spill {
		s.config, s.spill = p.Spill, locality.NewSpill(p.Spill, mix(c.seed, uint64(priority)))
	}
	t := &tier{state: s, total: max(total, len(index)), index: index}
	var home, away []int
	for _, i := range index {
		t.states = append(t.states, &pl.members[i].Ejection)
		if p.Zone != "" && pl.members[i].Zone == p.Zone {
			home = append(home, i)
		} else {
			away = append(away, i)
		}
	}
	t.home, t.away = pl.part(t, s.home, home), pl.part(t, s.away, away)
	for _, i := range index {
		if p.Zone != "" && pl.members[i].Zone == p.Zone {
			t.parts = append(t.parts, t.home)
		} else {
			t.parts = append(t.parts, t.away)
		}
	}
	return t
}

func (pl *Plan) part(t *tier, pool *choose.Pool, index []int) *part {
	if len(index) == 0 {
		return nil
	}
	q := &part{tier: t, pool: pool, index: index}
	members := make([]*choose.Endpoint, len(index))
	for k, i := range index {
		m := pl.members[i]
		m.enter(pool)
		members[k] = &m.Endpoint.Endpoint
		q.ids = append(q.ids, m.ID)
	}
	q.set = choose.NewSet(pl.params.Choose, pool, members)
	return q
}

// absence is how long an endpoint must have been away to count as restarted, and so as
// new. To connect anew because the server limits the age of connections
// takes less.
const absence = int64(time.Second)

// welcome begins the slow start of endpoints that are new, or were away.
func (c *Channel) welcome(now int64, pl *Plan) {
	for _, e := range c.last {
		e.stay(now)
	}
	c.last = c.last[:0]
	for i, m := range pl.members {
		if m.attend(now) {
			m.Ejection.Arrived(now, mix(c.seed, uint64(now)+uint64(i)))
		}
		c.last = append(c.last, m.Endpoint)
	}
}

// ringOf returns the ring of the part. The first call builds it, unless a former part
// with the same endpoints did.
func (s *state) ringOf(q *part) *affinity.Ring {
	q.once.Do(func() {
		last := s.rings.Load()
		if last == nil {
			last = new(rings)
		}
		for _, r := range last {
			if r != nil && slices.Equal(r.ids, q.ids) {
				q.ring = r.Ring
				return
			}
		}
		q.ring = affinity.New(q.ids)
		s.rings.Store(&rings{{q.ids, q.ring}, last[0]})
	})
	return q.ring
}

// rings are those that were built last: of the own zone and of the others, if both are
// used.
type rings [2]*ring

type ring struct {
	ids []string
	*affinity.Ring
}

// mix makes other random bits of x.
func mix(x, salt uint64) uint64 {
	x += salt*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
