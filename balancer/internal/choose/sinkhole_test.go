package choose_test

import (
	"container/heap"
	"fmt"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

// TestFastRefuserDoesNotAttract has one server of ten refuse everything at once,
// as one does whose keys have expired, while the others are busy.
func TestFastRefuserDoesNotAttract(t *testing.T) {
	for _, tt := range []struct {
		name   string
		silent bool
		most   float64 // reports: twice the fair share; pairs bound the other rule
	}{{"reporting", false, 0.2}, {"silent", true, 0.22}} {
		for _, rate := range []float64{500, 2000, 10000} {
			t.Run(fmt.Sprint(tt.name, rate), func(t *testing.T) {
				w := newWorld(7, 2, params(), several(10, func() *server {
					return &server{base: constant(5 * ms), silent: tt.silent}
				})...)
				w.run(rate, 2*time.Second)
				if got := shares(w.runRefusing(9, rate, 10*time.Second))[9] / 10; got > tt.most {
					t.Errorf("the refusing server got %.2f of the calls, want at most %.2f", got, tt.most)
				}
			})
		}
	}
}

// TestOutlierDoesNotBlur adds one server that reports an absurd latency: the
// difference between the other ones must still decide.
func TestOutlierDoesNotBlur(t *testing.T) {
	g := newGroup(5)
	for i := range 3 {
		g.hear(i, reply(0, 5*ms))
	}
	g.hear(3, reply(50, 5*ms))
	g.hear(4, reply(0, time.Hour))
	if by, _ := g.picks(); by[3] > 0 || by[4] > 0 {
		t.Errorf("picks are %v, want none on the last two", by)
	}
}

// TestReturnIsNoFlood lets one endpoint come back after 20 minutes and hang, while
// the others answer at once.
func TestReturnIsNoFlood(t *testing.T) {
	for _, n := range []int{2, 4} {
		g := newGroup(n)
		for i := range n {
			g.hear(i, quiet(5*ms))
		}
		g.now += int64(20 * time.Minute)
		for i := 1; i < n; i++ {
			g.hear(i, quiet(5*ms))
		}
		set, got := choose.NewSet(g.p, g.pool, g.all), 0
		for range 400 {
			i, _ := set.Pick(g.now, g.rng.Uint64())
			if i == 0 {
				g.all[i].Begin(g.now)
				got++
				continue
			}
			g.hear(i, quiet(5*ms))
		}
		if got < 1 || got > 3 {
			t.Errorf("of %d endpoints the one that came back got %d of 400 picks before its first answer, want 1 to 3", n, got)
		}
	}
}

// runRefusing is run, but the server bad refuses.
func (w *world) runRefusing(bad int, perSecond float64, d time.Duration) []int {
	counts := make([]int, len(w.servers))
	end := w.now + int64(d)
	var arrive func()
	arrive = func() {
		wait := time.Duration(w.rng.ExpFloat64()/perSecond*1e9) + 1
		if w.now+int64(wait) < end {
			w.after(wait, func() { counts[w.callRefusing(bad)]++; arrive() })
		}
	}
	arrive()
	for len(w.events) > 0 && w.events[0].at < end {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
	return counts
}

// callRefusing is call, but the server bad refuses at once what it gets.
func (w *world) callRefusing(bad int) int {
	c := w.clients[w.rng.IntN(len(w.clients))]
	i, _ := c.set.Pick(w.now, w.rng.Uint64())
	e, s := c.endpoints[i], w.servers[i]
	e.Begin(w.now)
	refused := i == bad
	s.inFlight++
	took := s.base(time.Duration(w.now))
	if refused {
		took = 100 * time.Microsecond
	}
	w.after(took, func() {
		s.inFlight--
		end := choose.End{Outcome: choose.Success, Took: took, Reported: !s.silent, InFlight: uint32(s.inFlight)}
		if refused {
			end.Outcome = choose.Refused
			s.estimate.AddBound(w.now, took)
		} else {
			s.estimate.Add(w.now, took)
		}
		end.Latency = s.estimate.Estimate(w.now)
		if e.Finish(w.now, end, &c.params) {
			c.pool.Offer(e)
		}
	})
	return i
}
