package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/sim"
)

// scenario finds one of the lab's.
func scenario(t *testing.T, name string) sim.Scenario {
	t.Helper()
	all := sim.Scenarios()
	i := slices.IndexFunc(all, func(s sim.Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("the lab has no scenario %q", name)
	}
	return all[i]
}

func play(t *testing.T, s sim.Scenario, policy string, seed uint64) result.Run {
	t.Helper()
	r, err := sim.Run(t.Context(), s, policy, seed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFigures holds the main figures of the policy, at reduced scale: the 99th percentile by the
// oracle's, and that no model of another policy has a better one. The full scale is that of
// go run ./examples/lab. Seed 1; the same figures each time.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, tt := range []struct {
		name string
		most float64
	}{
		{"100x100, 75 %", 1.40},
		{"100x100, 90 %", 1.45},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := short(scenario(t, tt.name), 3*time.Second, 3*time.Second)
			oracle, own := play(t, s, sim.Oracle, 1), play(t, s, "freshet", 1)
			ratio := own.P99 / oracle.P99
			t.Logf("seed 1: p99 %.1f ms, %.2f times the oracle's", own.P99, ratio)
			if ratio > tt.most {
				t.Errorf("p99 is %.2f times the oracle's, want %.2f at most", ratio, tt.most)
			}
			if own.Probes > 0.1 {
				t.Errorf("%.3f probes a call, want 0.1 at most", own.Probes)
			}
			// Weighted_round_robin is not beside them: it is round_robin for its first 10 s.
			for _, other := range []string{"round_robin", "least_request", "peak_ewma", "prequal", "prequal_8"} {
				if r := play(t, s, other, 1); r.P99 < own.P99 {
					t.Errorf("p99 is %.1f ms, and that of %s %.1f ms", own.P99, other, r.P99)
				}
			}
		})
	}
}

// TestSinkholes: from a second after one of 100 servers begins to lie or to fail, it gets 2 % of the
// calls at most.
func TestSinkholes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, name := range []string{"one of 100 lies", "one of 100 fails in 0.1 ms", "one of 100 fails slowly"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := short(scenario(t, name), 2*time.Second, 2*time.Second)
			for i := range s.Changes {
				s.Changes[i].At = s.Warmup - time.Second
			}
			r := play(t, s, "freshet", 1)
			t.Logf("seed 1: %.2f %% of the calls", 100*r.Watched)
			if !(r.Watched <= 0.02) {
				t.Errorf("it gets %.2f %% of the calls, want 2 %% at most", 100*r.Watched)
			}
			if r.Calls < 10_000 {
				t.Errorf("only %d calls were measured", r.Calls)
			}
		})
	}
}
