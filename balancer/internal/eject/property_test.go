package eject_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func anyConfig(t *rapid.T) eject.Config {
	c := eject.Config{
		ConsecutiveFailures: rapid.SampledFrom([]int{0, 1, 3, 20, eject.Off}).Draw(t, "row"),
		FailurePercent:      rapid.SampledFrom([]int{0, 1, 50, 100, eject.Off}).Draw(t, "percent"),
		LatencyFactor:       rapid.SampledFrom([]float64{0, 1.5, 10, eject.Off}).Draw(t, "factor"),
		RequestVolume:       rapid.IntRange(5, 30).Draw(t, "volume"),
		MaxEjectionPercent:  rapid.SampledFrom([]int{0, 1, 50, 100, eject.Off}).Draw(t, "most"),
		PanicPercent:        rapid.SampledFrom([]int{0, 1, 100, eject.Off}).Draw(t, "panic"),
		ProbationCalls:      rapid.IntRange(1, 5).Draw(t, "probation"),
		BaseEjectionTime:    time.Duration(rapid.IntRange(100, 20000).Draw(t, "base")) * time.Millisecond,
		ReturnWindow:        time.Duration(rapid.IntRange(10, 20000).Draw(t, "return")) * time.Millisecond,
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("the configuration is refused: %v", err)
	}
	return c
}

func most(n int, c *eject.Config) int {
	if n < 2 || c.MaxEjectionPercent < 0 {
		return 0
	}
	return min(max(n*c.MaxEjectionPercent/100, 1), n-1)
}

// Whatever happens: never more than the limit are ejected, unless members have left
// since the last sweep; never all; every ejection has a reason and an end; shares
// are in (0, 1].
func TestPropertyLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.IntRange(1, 12).Draw(t, "hosts"), anyConfig(t))
		check := func() {
			t.Helper()
			if out, limit := f.out(), most(len(f.states), &f.c); out > limit {
				t.Fatalf("%d of %d are ejected, at most %d may", out, len(f.states), limit)
			}
			for i, s := range f.states {
				reason, until, n := s.Explain(f.now)
				if until != 0 && (reason == eject.None || until > f.now+int64(f.c.MaxEjectionTime)) {
					t.Fatalf("endpoint %d is ejected for %v until %v: %+v", i, reason, time.Duration(until-f.now), n)
				}
				if (s.Admit(f.now) == eject.Open) != (until == 0) {
					t.Fatalf("endpoint %d: Admit and Explain disagree", i)
				}
				if share := s.Share(f.now, &f.c); !(share > 0 && share <= 1) {
					t.Fatalf("endpoint %d has the share %v", i, share)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"calls": func(t *rapid.T) {
				i := rapid.IntRange(0, len(f.states)-1).Draw(t, "endpoint")
				n := rapid.IntRange(1, 60).Draw(t, "calls")
				failed := rapid.IntRange(0, n).Draw(t, "failed")
				f.calls(i, n, failed, rapid.Float64Range(-1e9, 1e9).Draw(t, "latency"))
			},
			"outage": func(t *rapid.T) { f.everybody(30, rapid.IntRange(15, 30).Draw(t, "failed"), quick) },
			"pause": func(t *rapid.T) {
				f.now += int64(rapid.IntRange(1, 30000).Draw(t, "ms")) * millisecond
			},
			"sweep": func(*rapid.T) { f.sweep() },
			"join": func(t *rapid.T) {
				s := new(eject.State)
				s.Arrived(f.now, rapid.Uint64().Draw(t, "r"))
				f.states = append(f.states, s)
				f.sweep()
			},
			"leave": func(*rapid.T) {
				if len(f.states) > 1 {
					f.states = f.states[1:]
					f.sweep()
				}
			},
			"": func(*rapid.T) { check() },
		})
	})
}

// Whatever was before, an endpoint that answers quickly from now on returns to its
// full share, and does so in bounded time.
func TestPropertyHealthyReturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.IntRange(2, 10).Draw(t, "hosts"), anyConfig(t))
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, len(f.states)-1).Draw(t, "endpoint")
			n := rapid.IntRange(1, 60).Draw(t, "calls")
			f.calls(i, n, rapid.IntRange(0, n).Draw(t, "failed"), rapid.Float64Range(1, 1e9).Draw(t, "latency"))
			f.now += int64(rapid.IntRange(0, 10000).Draw(t, "ms")) * millisecond
			if rapid.Bool().Draw(t, "sweep") {
				f.sweep()
			}
		}
		// Old calls fade within windows; each may cost one more ejection of full length.
		limit := f.now + 4*int64(f.c.MaxEjectionTime) + 20*int64(f.c.Window) + 2*int64(f.c.ReturnWindow)
		for f.now < limit {
			for i, s := range f.states {
				if f.Panic() || s.Admit(f.now) != eject.Closed {
					f.calls(i, 1, 0, float64(millisecond/10))
				}
			}
			f.now += 200 * millisecond
			if f.Due(f.now) {
				f.sweep()
			}
		}
		for i, s := range f.states {
			if reason, until, n := s.Explain(f.now); until != 0 || s.Share(f.now, &f.c) != 1 {
				t.Errorf("endpoint %d, well for %v, is out for %v: %+v", i, 4*f.c.MaxEjectionTime, reason, n)
			}
		}
		if f.Panic() {
			t.Errorf("panic though all are well")
		}
	})
}

// Calls that do not fail, and are as fast everywhere, eject nobody, and
// neither does a share of failures that is the same everywhere.
func TestPropertyAlikeIsNoOutlier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.IntRange(1, 12).Draw(t, "hosts"), eject.Config{
			ConsecutiveFailures: rapid.SampledFrom([]int{0, eject.Off}).Draw(t, "row"),
		})
		// At most 3 of 4 fail, so that there are no five in a row by the spread of failures.
		failed := rapid.IntRange(0, 30).Draw(t, "failed")
		latency := rapid.Float64Range(1, 1e10).Draw(t, "latency")
		for range rapid.IntRange(1, 20).Draw(t, "rounds") {
			f.everybody(40, failed, latency)
			f.wait(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
			if n := f.out(); n != 0 {
				t.Fatalf("%d are ejected though all are alike", n)
			}
		}
	})
}
