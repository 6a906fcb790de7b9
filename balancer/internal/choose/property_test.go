package choose_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

// shares divides the counts by the fair share.
func shares(counts []int) []float64 {
	total := 0
	for _, c := range counts {
		total += c
	}
	out := make([]float64, len(counts))
	for i, c := range counts {
		out[i] = float64(c) * float64(len(counts)) / float64(max(total, 1))
	}
	return out
}

// look is how long it takes a client to make the 256 picks of which one goes to
// an endpoint that was left out.
func look(clients int, rate float64) time.Duration {
	return time.Duration(256 * float64(clients) / rate * float64(time.Second))
}

// most is the part of the calls that a bad server among n may get: 3 %, or among few,
// where hearing of it now and then is more, a third of what is fair.
func most(n int) float64 { return max(0.03, 1/(3*float64(n))) }

func TestEqualServersGetEqualShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 24).Draw(t, "servers")
		clients := rapid.IntRange(1, 5).Draw(t, "clients")
		rate := rapid.Float64Range(20, 2000).Draw(t, "rate")
		silent := rapid.Bool().Draw(t, "silent")
		spread := rapid.Float64Range(0, 0.1).Draw(t, "spread")
		w := newWorld(rapid.Uint64().Draw(t, "seed"), clients, params(), several(n, func() *server {
			return &server{base: constant(5 * time.Millisecond), spread: spread, silent: silent}
		})...)
		// What is fair shows over several lives of a report. Within one, a server of whom
		// a client has just heard is preferred to another; and one of which a single
		// client has once heard worse may be left out for longer, which costs nobody
		// anything while its equals are idle.
		length := max(time.Duration(150*float64(n)/rate*float64(time.Second)), 4*time.Second)
		leftOut := 0
		for i, share := range shares(w.run(rate, length)) {
			if share > 2 {
				t.Fatalf("server %d of %d got %.2f of its fair share, want at most 2", i, n, share)
			}
			if share < 0.3 {
				leftOut++
			}
		}
		if leftOut > 1+n/8 {
			t.Fatalf("%d of %d servers got less than 0.3 of their fair share, want at most %d", leftOut, n, 1+n/8)
		}
	})
}

func TestSlowServerGetsLittleAndComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 12).Draw(t, "servers")
		clients := rapid.IntRange(1, 4).Draw(t, "clients")
		rate := rapid.Float64Range(50, 150).Draw(t, "rate")
		silent := rapid.Bool().Draw(t, "silent")
		times := rapid.IntRange(10, 50).Draw(t, "times slower")
		const from, to = 4 * time.Second, 14 * time.Second
		slow := &server{silent: silent, base: func(now time.Duration) time.Duration {
			if now >= from && now < to {
				return time.Duration(times) * 5 * time.Millisecond
			}
			return 5 * time.Millisecond
		}}
		w := newWorld(rapid.Uint64().Draw(t, "seed"), clients, params(), append(several(n-1, func() *server {
			return &server{base: constant(5 * time.Millisecond), silent: silent}
		}), slow)...)
		w.run(rate, from)
		during := w.run(rate, to-from)
		if got := shares(during)[n-1] / float64(n); got > most(n) {
			t.Fatalf("the slow server got %.1f %% of the calls, want at most %.1f %%", 100*got, 100*most(n))
		}
		if during[n-1] == 0 {
			t.Fatal("the slow server got no call in 10 s, so nobody would see it recover")
		}
		// Reports bring it back after a few looks. Without them the average must decay to the others'
		// level: that takes the logarithm of the ratio, in decays.
		wait := 10*time.Second + 10*look(clients, rate)
		if silent {
			wait = time.Duration((math.Log(float64(times)) + 2) * float64(params().Decay))
		}
		w.run(rate, wait)
		if got := shares(w.run(rate, 10*time.Second))[n-1]; got < 0.3 {
			t.Fatalf("%v after its recovery the server got %.2f of its fair share, want 0.3 or more", wait, got)
		}
	})
}

func TestFastFailerDoesNotAttract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 12).Draw(t, "servers")
		rate := rapid.Float64Range(50, 150).Draw(t, "rate")
		silent := rapid.Bool().Draw(t, "silent")
		failing := func(now time.Duration) bool { return now >= 5*time.Second && now < 15*time.Second }
		one := func() *server { return &server{base: constant(20 * time.Millisecond), silent: silent} }
		bad := one()
		bad.fails = failing
		w := newWorld(rapid.Uint64().Draw(t, "seed"), 2, params(), append(several(n-1, one), bad)...)
		w.run(rate, 6*time.Second)
		if got := shares(w.run(rate, 9*time.Second))[n-1] / float64(n); got > most(n) {
			t.Fatalf("the failing server got %.1f %% of the calls, want at most %.1f %%", 100*got, 100*most(n))
		}
		wait := 20*time.Second + 10*look(2, rate)
		w.run(rate, wait)
		if got := shares(w.run(rate, 10*time.Second))[n-1]; got < 0.3 {
			t.Fatalf("%v after its recovery the server got %.2f of its fair share, want 0.3 or more", wait, got)
		}
	})
}

// TestMoreLoadNeverAttracts compares two worlds that differ in one report.
func TestMoreLoadNeverAttracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, choose.MaxPool+2).Draw(t, "servers")
		now := int64(time.Second)
		inFlight := rapid.SliceOfN(rapid.Uint32Range(0, 50), n, n).Draw(t, "in flight")
		micros := rapid.SliceOfN(rapid.IntRange(100, 100_000), n, n).Draw(t, "latency")
		victim := rapid.IntRange(0, n-1).Draw(t, "victim")
		moreCalls := rapid.Uint32Range(0, 20).Draw(t, "more in flight")
		moreMicros := rapid.IntRange(0, 50_000).Draw(t, "more latency")
		seed := rapid.Uint64().Draw(t, "seed")
		picks := func(moreCalls uint32, moreMicros int) int {
			p := params()
			p.PoolSize = choose.MaxPool // compares all, or nearly
			pool := choose.NewPool(p.PoolSize)
			members := make([]*choose.Endpoint, n)
			for i := range members {
				members[i] = new(choose.Endpoint)
				end := choose.End{
					Outcome: choose.Success, Took: time.Microsecond, Reported: true,
					InFlight: inFlight[i], Latency: time.Duration(micros[i]) * time.Microsecond,
				}
				if i == victim {
					end.InFlight += moreCalls
					end.Latency += time.Duration(moreMicros) * time.Microsecond
				}
				members[i].Begin(now)
				members[i].Finish(now, end, &p)
				pool.Offer(members[i])
			}
			s := choose.NewSet(p, pool, members)
			rng := rand.New(rand.NewPCG(seed, 2))
			got := 0
			for range 400 {
				if i, _ := s.Pick(now, rng.Uint64()); i == victim {
					got++
				}
			}
			return got
		}
		before, after := picks(0, 0), picks(moreCalls, moreMicros)
		// Slack makes ties of what is nearly equal, and its width is the average
		// service time, so a little noise is part of the rule.
		if after > before+before/4+40 {
			t.Fatalf("with %d more in flight and %d us more latency a server got %d picks of 400, before %d",
				moreCalls, moreMicros, after, before)
		}
	})
}

func TestOwnPicksCountAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, choose.DefaultPool+2).Draw(t, "servers")
		rounds := rapid.IntRange(1, 20).Draw(t, "rounds")
		p, now := params(), int64(time.Second)
		members := reported(n, now, &p)
		s := choose.NewSet(p, choose.NewPool(p.PoolSize), members)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		for range n * rounds {
			i, _ := s.Pick(now, rng.Uint64())
			members[i].Begin(now)
		}
		for i, e := range members {
			if got := e.InFlight(); got < int64(rounds)-2 || got > int64(rounds)+2 {
				t.Fatalf("after %d picks in one moment endpoint %d of %d has %d calls, want about %d", n*rounds, i, n, got, rounds)
			}
		}
	})
}

// reported returns endpoints that all sent the same report just now.
func reported(n int, now int64, p *choose.Params) []*choose.Endpoint {
	out := make([]*choose.Endpoint, n)
	for i := range out {
		out[i] = new(choose.Endpoint)
		out[i].Begin(now)
		out[i].Finish(now, choose.End{
			Outcome: choose.Success, Took: 5 * time.Millisecond, Reported: true, Latency: 5 * time.Millisecond,
		}, p)
	}
	return out
}
