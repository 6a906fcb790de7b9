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
			g.hear(0, reply(16, 5*ms))
			g.hear(1, reply(0, 20*ms))
		}, choose.Report, 1},
		{"slow but idle loses against fast with little to do", 2, func(g *group) {
			g.hear(0, reply(6, 5*ms))
			g.hear(1, reply(0, 20*ms))
		}, choose.Report, 0},
		{"resting", 2, func(g *group) {
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(9, 5*ms))
			g.all[0].Rest(g.now, time.Second)
		}, choose.Report, 1},
		{"resting has an end", 2, func(g *group) {
			g.all[0].Rest(g.now, time.Hour)
			g.now += int64(10 * time.Second)
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(9, 5*ms))
		}, choose.Report, 0},
		{"barred", 2, func(g *group) {
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(9, 5*ms))
			g.all[0].Bar(true)
		}, choose.Report, 1},
		{"barred no more", 2, func(g *group) {
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(9, 5*ms))
			g.all[0].Bar(true)
			g.all[0].Bar(false)
		}, choose.Report, 0},
		{"a probe is a report", 2, func(g *group) {
			g.all[0].Probed(g.now, reply(0, 5*ms), &g.p)
			g.all[1].Probed(g.now, reply(9, 5*ms), &g.p)
		}, choose.Report, 0},
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
			for range 50 {
				g.hear(0, reply(9, 5*ms))
				g.hear(1, reply(9, 5*ms))
			}
			g.hear(0, reply(0, 5*ms))
			g.hear(1, reply(2, 5*ms))
			end := reply(0, ms)
			end.Outcome = choose.Failure
			g.hear(0, end)
		}, choose.Report, 1},
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

// TestReportsAge has one server that is usually busy and idle for a moment, and one
// that is usually idle and busy for a moment: soon the usual counts.
func TestReportsAge(t *testing.T) {
	g := newGroup(2)
	for range 100 {
		g.hear(0, reply(8, 5*ms))
		g.hear(1, reply(0, 5*ms))
	}
	g.hear(0, reply(0, 5*ms))
	g.hear(1, reply(8, 5*ms))
	if by, _ := g.picks(); by[0] < 900 {
		t.Errorf("picks are %v, want nearly all on the one that was idle just now", by)
	}
	g.now += int64(200 * ms)
	if by, _ := g.picks(); by[1] < 900 {
		t.Errorf("200 ms later picks are %v, want nearly all on the one that is usually idle", by)
	}
}

// TestFirstReportIsNotFlooded has one endpoint report before all others.
func TestFirstReportIsNotFlooded(t *testing.T) {
	g := newGroup(3)
	g.hear(0, reply(0, 5*ms))
	set := choose.NewSet(g.p, g.pool, g.all)
	for range 30 {
		i, _ := set.Pick(g.now, g.rng.Uint64())
		g.all[i].Begin(g.now)
	}
	if got := g.all[1].InFlight() + g.all[2].InFlight(); got != 2 {
		t.Errorf("of 30 picks %d went to the two endpoints without history, want one each", got)
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
	g := newGroup(400)
	for i := range g.all {
		g.now += int64(ms)
		g.hear(i, reply(3, 5*ms))
	}
	recent := func(n int) (got int) {
		by, _ := g.picks()
		for _, n := range by[len(by)-n:] {
			got += n
		}
		return got
	}
	// Most slots hold one of the last 40; two strangers compete with the pool.
	if got := recent(40); got < 400 {
		t.Errorf("the last 40 of 400 to report got %d of 1000 picks, want 400 or more", got)
	}
	if got := recent(400); got != 1000 {
		t.Errorf("all got %d of 1000 picks", got)
	}
}

func TestPoolResize(t *testing.T) {
	g := newGroup(100)
	pool := choose.NewPool(8)
	for _, e := range g.all {
		pool.Offer(e)
	}
	held := func() (n int) {
		for _, e := range g.all {
			choose.NewSet(g.p, pool, []*choose.Endpoint{e})
			if e.Explain(g.now, &g.p).Pooled {
				n++
			}
		}
		return n
	}
	if got := held(); got < 1 || got > 8 {
		t.Errorf("a pool of 8 holds %d", got)
	}
	pool.Resize(2)
	if got := held(); got > 2 {
		t.Errorf("resized to 2, it holds %d", got)
	}
	for _, e := range g.all {
		pool.Remove(e)
	}
	if got := held(); got != 0 {
		t.Errorf("with all removed, it holds %d", got)
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
