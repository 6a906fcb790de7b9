package sim_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/lab/internal/sim"
)

// short is a scenario with a shorter window.
func short(s sim.Scenario, warmup, window time.Duration) sim.Scenario {
	s.Warmup, s.Window = warmup, window
	return s
}

func TestSameSeedSameResult(t *testing.T) {
	s := short(sim.Scenarios()[0], time.Second, time.Second)
	for _, p := range sim.Policies() {
		a, err := sim.Run(t.Context(), s, p.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := sim.Run(t.Context(), s, p.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		if a != b {
			t.Errorf("%s: two runs with one seed gave %+v and %+v", p.Name, a, b)
		}
		other, err := sim.Run(t.Context(), s, p.Name, 2)
		if err != nil {
			t.Fatal(err)
		}
		if other.Seed = a.Seed; other == a {
			t.Errorf("%s: two seeds gave the same result %+v", p.Name, a)
		}
	}
}
