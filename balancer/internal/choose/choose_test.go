package choose_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

const ms = time.Millisecond

// group is a set of endpoints at one moment.
type group struct {
	p    choose.Params
	pool *choose.Pool
	all  []*choose.Endpoint
	now  int64
	rng  *rand.Rand
}

func newGroup(n int) *group {
	g := &group{p: params(), now: int64(time.Minute), rng: rand.New(rand.NewPCG(1, 4))}
	g.pool = choose.NewPool(g.p.PoolSize)
	for range n {
		g.all = append(g.all, new(choose.Endpoint))
	}
	return g
}

// hear gives endpoint i the reply of a call that it served alone.
func (g *group) hear(i int, end choose.End) {
	g.all[i].Begin(g.now)
	if g.all[i].Finish(g.now, end, &g.p) {
		g.pool.Offer(g.all[i])
	}
}

func reply(inFlight uint32, latency time.Duration) choose.End {
	return choose.End{Outcome: choose.Success, Took: latency, Reported: true, InFlight: inFlight, Latency: latency}
}

func quiet(latency time.Duration) choose.End {
	return choose.End{Outcome: choose.Success, Took: latency}
}

// picks counts 1000 picks that are not followed by calls, by endpoint and rule.
func (g *group) picks() (by []int, rules map[choose.Rule]int) {
	set := choose.NewSet(g.p, g.pool, g.all)
	by, rules = make([]int, len(g.all)), make(map[choose.Rule]int)
	for range 1000 {
		i, r := set.Pick(g.now, g.rng.Uint64())
		by[i]++
		rules[r]++
	}
	return by, rules
}

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		setup func(g *group)
		rule  choose.Rule
		best  int // -1: none gets nearly all
	}{
		{"one endpoint", 1, func(*group) {}, choose.Only, 0},
		{"nothing known", 3, func(*group) {}, choose.TwoChoices, -1},
		{"one report of three", 3, func(g *group) { g.hear(0, reply(0, ms)) }, choose.TwoChoices, -1},
		{"shorter latency", 3, func(g *group) {
			g.hear(0, reply(2, 20*ms))
			g.hear(1, reply(2, 5*ms))
			g.hear(2, reply(2, 20*ms))
		}, choose.Report, 1},
		{"fewer in flight", 3, func(g *group) {
			g.hear(0, reply(3, 5*ms))
			g.hear(1, reply(3, 5*ms))
			g.hear(2, reply(1, 5*ms))
		}, choose.Report, 2},
		{"fast but busy loses against slow but idle", 2, func(g *group) {
			g.hear(0, reply(9, 5*ms))
			g.hear(1, reply(0, 20*ms))
		}, choose.Report, 1},
		{"what the server leaves out of its latency is seen", 2, func(g *group) {
			far := reply(0, 5*ms)
			far.Took = 80 * ms
			g.hear(0, far)
			g.hear(1, reply(0, 5*ms))
		}, choose.Report, 1},
		{"a fast refusal hides nothing of that", 2, func(g *group) {
			far := reply(0, 5*ms)
			far.Took = 80 * ms
			g.hear(0, far)
			g.hear(1, reply(0, 5*ms))
			far.Outcome, far.Took = choose.Refused, time.Microsecond
			g.hear(0, far)
		}, choose.Report, 1},
		{"unknown latency counts as average", 3, func(g *group) {
			g.hear(0, choose.End{Outcome: choose.Success, Reported: true, InFlight: 4})
			g.hear(1, reply(4, 5*ms))
			g.hear(2, reply(1, 5*ms))
		}, choose.Report, 2},
		{"no latency known at all: least in flight", 2, func(g *group) {
			g.hear(0, choose.End{Outcome: choose.Success, Reported: true, InFlight: 4})
			g.hear(1, choose.End{Outcome: choose.Success, Reported: true, InFlight: 1})
		}, choose.Report, 1},
		{"silent servers by latency", 2, func(g *group) {
			g.hear(0, quiet(20*ms))
			g.hear(1, quiet(5*ms))
		}, choose.TwoChoices, 1},
		{"silent servers by calls in flight", 2, func(g *group) {
			g.hear(0, quiet(5*ms))
			g.hear(1, quiet(5*ms))
			g.all[0].Begin(g.now)
		}, choose.TwoChoices, 1},
		{"a failure voids the report", 2, func(g *group) {
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(0, 5*ms))
			end := reply(0, ms)
			end.Outcome = choose.Failure
			g.hear(0, end)
		}, choose.TwoChoices, 1},
		{"a failure makes dear", 3, func(g *group) {
			for i := range 3 {
				g.hear(i, reply(0, 5*ms))
			}
			end := reply(0, ms)
			end.Outcome = choose.Failure
			g.hear(0, end)
			g.hear(1, reply(5, 5*ms))
		}, choose.Report, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGroup(tt.n)
			tt.setup(g)
			by, rules := g.picks()
			if rules[tt.rule] < 900 {
				t.Errorf("rules are %v, want nearly always %d", rules, tt.rule)
			}
			for i, n := range by {
				if tt.best >= 0 && (n > 900) != (i == tt.best) {
					t.Errorf("picks are %v, want nearly all on %d", by, tt.best)
				}
				if tt.best < 0 && n > 900 {
					t.Errorf("picks are %v, want them spread", by)
				}
			}
		})
	}
}

func TestReportsExpire(t *testing.T) {
	g := newGroup(2)
	g.hear(0, reply(9, 5*ms))
	g.hear(1, reply(0, 5*ms))
	g.now += int64(g.p.Expiry)
	if _, rules := g.picks(); rules[choose.Report] == 0 {
		t.Errorf("at the age of the expiry rules are %v, want the report to count", rules)
	}
	g.now++
	if _, rules := g.picks(); rules[choose.Report] != 0 {
		t.Errorf("past the expiry rules are %v, want no report to count", rules)
	}
}

// TestOwnCallsAreNotCountedTwice has a server report the client's own calls.
func TestOwnCallsAreNotCountedTwice(t *testing.T) {
	g := newGroup(2)
	for range 10 {
		g.all[0].Begin(g.now)
	}
	g.hear(0, reply(10, 5*ms)) // all ten are ours
	g.hear(1, reply(4, 5*ms))  // four of others
	for range 9 {
		g.all[0].Finish(g.now, quiet(5*ms), &g.p)
	}
	if by, _ := g.picks(); by[0] < 900 {
		t.Errorf("picks are %v, want nearly all on the server that is left with one call of ours", by)
	}
}

func TestPoolHoldsTheFreshest(t *testing.T) {
	g := newGroup(40)
	for i := range g.all {
		g.now += int64(ms)
		g.hear(i, reply(3, 5*ms))
	}
	by, rules := g.picks()
	for i, n := range by[:len(by)-choose.MaxPool] {
		if n > 60 {
			t.Errorf("endpoint %d, whose report is among the oldest, got %d picks of 1000", i, n)
		}
	}
	if rules[choose.Report] < 900 {
		t.Errorf("rules are %v, want reports to decide", rules)
	}

	// A smaller pool keeps only what it has slots for.
	g.p.PoolSize = 4
	g.pool.Resize(4)
	g.now += int64(ms)
	for i := range 10 {
		g.hear(i, reply(3, 5*ms))
	}
	g.picks()
	by, _ = g.picks()
	busy := 0
	for _, n := range by {
		if n > 100 {
			busy++
		}
	}
	if busy > 4 {
		t.Errorf("with a pool of 4, %d endpoints got much: %v", busy, by)
	}
}

func TestNewEndpointGetsOneCallAtATime(t *testing.T) {
	for _, silent := range []bool{false, true} {
		g := newGroup(4)
		for i := range 3 {
			if silent {
				g.hear(i, quiet(5*ms))
			} else {
				g.hear(i, reply(0, 5*ms))
			}
		}
		set := choose.NewSet(g.p, g.pool, g.all)
		for range 200 {
			if i, _ := set.Pick(g.now, g.rng.Uint64()); i == 3 {
				g.all[3].Begin(g.now)
			}
		}
		if got := g.all[3].InFlight(); got != 1 {
			t.Errorf("silent=%v: the endpoint without history got %d calls before its first reply, want 1", silent, got)
		}
	}
}

// TestFailureIsNoHistory lets the first call of an endpoint fail at once. That
// must not look like a latency.
func TestFailureIsNoHistory(t *testing.T) {
	g := newGroup(2)
	g.hear(0, choose.End{Outcome: choose.Failure, Took: time.Microsecond})
	g.hear(1, quiet(50*ms))
	if by, _ := g.picks(); by[1] < 990 {
		t.Errorf("picks are %v, want nearly all on the one that works", by)
	}
}

func TestNeglectedEndpointIsTriedWhileNoneIsUnderWay(t *testing.T) {
	g := newGroup(3)
	g.hear(0, quiet(time.Second))
	g.now += int64(2 * time.Second)
	g.hear(1, reply(0, 5*ms))
	g.hear(2, reply(0, 5*ms))
	set := choose.NewSet(g.p, g.pool, g.all)
	tries := func() (n int) {
		for range 5000 {
			if i, _ := set.Pick(g.now, g.rng.Uint64()); i == 0 {
				n++
			}
		}
		return n
	}
	if got := tries(); got < 5 || got > 60 {
		t.Errorf("a slow endpoint that was left out got %d of 5000 picks, want about 5000/256", got)
	}
	g.all[0].Begin(g.now)
	g.now += int64(2 * time.Second)
	g.hear(1, reply(0, 5*ms))
	g.hear(2, reply(0, 5*ms))
	if got := tries(); got != 0 {
		t.Errorf("while a call is under way there, it got %d of 5000 picks, want 0", got)
	}
}

func TestNoAllocations(t *testing.T) {
	g := newGroup(100)
	for i := range g.all {
		g.hear(i, reply(uint32(i%5), 5*ms))
	}
	set := choose.NewSet(g.p, g.pool, g.all)
	end := reply(2, 5*ms)
	got := testing.AllocsPerRun(1000, func() {
		i, _ := set.Pick(g.now, g.rng.Uint64())
		g.all[i].Begin(g.now)
		if g.all[i].Finish(g.now, end, &g.p) {
			g.pool.Offer(g.all[i])
		}
	})
	if got != 0 {
		t.Errorf("a pick and its end make %v allocations, want 0", got)
	}
}
