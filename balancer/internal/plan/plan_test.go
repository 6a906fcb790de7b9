package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

func params() plan.Params {
	return plan.Params{
		Choose:  choose.Params{PoolSize: choose.MaxPool, Expiry: time.Second, Decay: 10 * time.Second},
		Eject:   eject.Config{}.WithDefaults(),
		Balance: 1.25,
		Cap:     plan.NoCap,
	}
}

func members(n int, describe func(i int, m *plan.Member)) []plan.Member {
	all := make([]plan.Member, n)
	for i := range all {
		all[i] = plan.Member{Endpoint: new(plan.Endpoint), ID: fmt.Sprint("e", i)}
		all[i].Settle()
		if describe != nil {
			describe(i, &all[i])
		}
	}
	return all
}

var success = plan.End{End: choose.End{Outcome: choose.Success, Took: time.Millisecond}, Elapsed: time.Millisecond}

// TestConditionsHold makes random calls with random ends, among random endpoints, and
// changes of members in between, and checks every pick.
func TestConditionsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params()
		p.Zone = rapid.SampledFrom([]string{"", "a"}).Draw(t, "zone")
		p.Cap = int64(rapid.IntRange(1, 4).Draw(t, "cap"))
		all := members(rapid.IntRange(1, 24).Draw(t, "endpoints"), func(_ int, m *plan.Member) {
			m.Zone = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone of an endpoint")
			m.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
			m.Drained = rapid.IntRange(0, 4).Draw(t, "drained") == 0
		})
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		c, now := plan.NewChannel(r.Uint64(), nil), int64(1)
		pl := c.Plan(now, p, all, nil)
		type call struct {
			pl   *plan.Plan
			pick plan.Pick
		}
		var open []call
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now += r.Int64N(int64(200 * time.Millisecond))
			switch {
			case r.IntN(40) == 0:
				some := all[:1+r.IntN(len(all))]
				pl = c.Plan(now, p, some, nil)
			case len(open) > 0 && r.IntN(2) == 0:
				k := r.IntN(len(open))
				end(r, now, open[k].pl, open[k].pick)
				open[k] = open[len(open)-1]
				open = open[:len(open)-1]
			default:
				pick, ok := pl.Pick(now, r.Uint64(), plan.Call{Key: r.Uint64(), HasKey: r.IntN(3) == 0, Stream: r.IntN(9) == 0})
				if ok {
					open = append(open, call{pl, pick})
				}
			}
			for i, m := range all {
				if got := m.InFlight(); got < 0 || got > p.Cap {
					t.Fatalf("endpoint %d has %d calls in flight, cap %d", i, got, p.Cap)
				}
			}
		}
		for _, o := range open {
			end(r, now, o.pl, o.pick)
		}
		for i, m := range all {
			if got := m.InFlight(); got != 0 {
				t.Errorf("after all calls have ended endpoint %d has %d in flight", i, got)
			}
		}
	})
}

func end(r *rand.Rand, now int64, pl *plan.Plan, pick plan.Pick) {
	e := success
	e.Outcome = choose.Outcome(r.IntN(4))
	e.Elapsed = time.Duration(now - pick.Start)
	if e.Reported = r.IntN(2) == 0; e.Reported {
		e.InFlight, e.Latency, e.Draining = r.Uint32N(9), time.Millisecond, r.IntN(30) == 0
	}
	if r.IntN(10) == 0 {
		pl.Retract(pick)
		return
	}
	pl.Finish(now, pick, e)
}

// TestFullOnlyIfAllAreAtTheirCap fills every endpoint of all tiers and zones.
func TestFullOnlyIfAllAreAtTheirCap(t *testing.T) {
	p := params()
	p.Cap, p.Zone = 2, "a"
	all := members(9, func(i int, m *plan.Member) { m.Zone, m.Priority = string(rune('a'+i%3)), i/5 })
	pl := plan.NewChannel(1, nil).Plan(1, p, all, nil)
	var picks []plan.Pick
	for n := range 18 {
		pick, ok := pl.Pick(int64(n+2), uint64(n)*0x9e3779b97f4a7c15, plan.Call{})
		if !ok {
			t.Fatalf("no pick after %d of 18", n)
		}
		picks = append(picks, pick)
	}
	if _, ok := pl.Pick(100, 7, plan.Call{}); ok {
		t.Error("a pick where all are at their cap")
	}
	pl.Finish(101, picks[4], success)
	if pick, ok := pl.Pick(102, 7, plan.Call{}); !ok || pick.Index != picks[4].Index {
		t.Errorf("got pick %d, %v, want the one with room, %d", pick.Index, ok, picks[4].Index)
	}
}

func TestAvoidedOnlyIfNoOtherIsThere(t *testing.T) {
	all := members(4, nil)
	pl := plan.NewChannel(1, nil).Plan(1, params(), all, nil)
	for n := range uint64(200) {
		avoid := func(e *plan.Endpoint) bool { return e != all[2].Endpoint }
		pick, ok := pl.Pick(int64(n+2), n*0x9e3779b97f4a7c15, plan.Call{Avoid: avoid})
		if !ok || pick.Index != 2 {
			t.Fatalf("got pick %d, %v, want the only one that has not failed, 2", pick.Index, ok)
		}
		pl.Finish(int64(n+2), pick, success)
	}
	if _, ok := pl.Pick(1000, 1, plan.Call{Avoid: func(*plan.Endpoint) bool { return true }}); !ok {
		t.Error("no pick where all have failed the call")
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	for _, n := range []int{1, 10, 100} {
		pl := plan.NewChannel(1, nil).Plan(1, params(), members(n, nil), nil)
		now := int64(2)
		got := testing.AllocsPerRun(1000, func() {
			now += 1000
			pick, ok := pl.Pick(now, uint64(now)*0x9e3779b97f4a7c15, plan.Call{})
			if !ok {
				t.Fatal("no pick")
			}
			pl.Finish(now+500, pick, success)
		})
		if got != 0 {
			t.Errorf("%d endpoints: a pick and its end make %v allocations, want 0", n, got)
		}
	}
}

// TestSlowStartIsForNewcomers compares who is rationed.
func TestSlowStartIsForNewcomers(t *testing.T) {
	p, second := params(), int64(time.Second)
	c := plan.NewChannel(1, nil)
	all := members(3, nil)
	share := func(now int64, i int) float64 { return all[i].Ejection.Share(now, &p.Eject) }
	c.Plan(1, p, all[:2], nil)
	newcomer := plan.Member{Endpoint: new(plan.Endpoint), ID: "new"}
	all[2] = newcomer
	c.Plan(10*second, p, all, nil)
	if a, b := share(11*second, 0), share(11*second, 2); a != 1 || b > 0.5 {
		t.Errorf("one that was there has share %.2f, a newcomer %.2f; want 1 and little", a, b)
	}
	c.Plan(40*second, p, all[1:], nil)
	c.Plan(40*second+second/2, p, all, nil)
	if got := share(41*second, 0); got != 1 {
		t.Errorf("after half a second away the share is %.2f, want 1", got)
	}
	c.Plan(60*second, p, all[1:], nil)
	c.Plan(62*second, p, all, nil)
	if got := share(63*second, 0); got > 0.5 {
		t.Errorf("after two seconds away the share is %.2f, want little", got)
	}
}
