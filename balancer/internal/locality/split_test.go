package locality_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/locality"
)

// TestSplit has the examples of Envoy's documentation of priority levels, and
// what there is besides.
func TestSplit(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name     string
		healthy  []float64
		want     []float64
		panicked bool
	}{
		{"all healthy", []float64{1, 1}, []float64{1, 0}, false},
		{"still as good as healthy", []float64{.72, 1}, []float64{1, 0}, false},
		{"just not", []float64{.71, 1}, []float64{.994, .006}, false},
		{"half", []float64{.5, 1}, []float64{.7, .3}, false},
		{"a quarter", []float64{.25, 1}, []float64{.35, .65}, false},
		{"first dead", []float64{0, 1}, []float64{0, 1}, false},
		{"both weak: scaled up", []float64{.25, .25}, []float64{.5, .5}, false},
		{"unevenly weak", []float64{.2, .1}, []float64{2. / 3, 1. / 3}, false},
		{"three tiers", []float64{.25, .25, 1}, []float64{.35, .35, .3}, false},
		{"third not needed", []float64{.5, .5, 1}, []float64{.7, .3, 0}, false},
		{"no endpoint in the first", []float64{-1, .5, 1}, []float64{0, .7, .3}, false},
		{"all dead", []float64{0, 0}, []float64{1, 0}, true},
		{"all dead, first empty", []float64{-1, 0, 0}, []float64{0, 1, 0}, true},
		{"all empty", []float64{-1, -1}, []float64{0, 0}, false},
		{"no tier", nil, nil, false},
		{"one weak tier", []float64{.01}, []float64{1}, false},
		{"more than all", []float64{7, 1}, []float64{1, 0}, false},
		{"no number", []float64{nan, .5}, []float64{0, 1}, false},
		{"no number and dead", []float64{nan, 0}, []float64{1, 0}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]float64, len(tt.healthy)+2)
			got[len(got)-1] = 9
			panicked := locality.Split(tt.healthy, got)
			want := append(append([]float64{}, tt.want...), 0, 0)
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("Split(%v) (-want +got):\n%s", tt.healthy, diff)
			}
			if panicked != tt.panicked {
				t.Errorf("Split(%v) panicked = %v, want %v", tt.healthy, panicked, tt.panicked)
			}
		})
	}
}

func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		healthy := rapid.SliceOfN(rapid.Float64Range(-0.2, 1), 1, 8).Draw(t, "healthy")
		share := make([]float64, len(healthy))
		panicked := locality.Split(healthy, share)
		sum, any, alive := 0.0, false, false
		for i, h := range healthy {
			sum += share[i]
			any = any || h >= 0
			alive = alive || h > 0
			if share[i] < 0 || share[i] > 1 || h < 0 && share[i] > 0 || h == 0 && share[i] > 0 && !panicked {
				t.Fatalf("Split(%v) = %v, want each from 0 to 1 and none for a tier without healthy endpoints", healthy, share)
			}
		}
		if want := map[bool]float64{true: 1}[any]; math.Abs(sum-want) > 1e-9 {
			t.Fatalf("Split(%v) = %v, which adds up to %v, want %v", healthy, share, sum, want)
		}
		if panicked != (any && !alive) {
			t.Fatalf("Split(%v) panicked = %v, want it exactly if all are dead", healthy, panicked)
		}
		// More health never takes traffic away.
		i := rapid.IntRange(0, len(healthy)-1).Draw(t, "tier")
		before := share[i]
		healthy[i] = min(healthy[i]+rapid.Float64Range(0, 1).Draw(t, "more"), 1)
		if locality.Split(healthy, share); share[i] < before-1e-9 && !panicked {
			t.Fatalf("with more health in tier %d it gets %v, before %v", i, share[i], before)
		}
	})
}

func TestTier(t *testing.T) {
	for _, tt := range []struct {
		share []float64
		r     uint64
		want  int
	}{
		{nil, 0, -1},
		{[]float64{0, 0}, 0, -1},
		{[]float64{0, 1}, 0, 1},
		{[]float64{0, 1}, math.MaxUint64, 1},
		{[]float64{.5, .5}, math.MaxUint64 / 2, 0},
		{[]float64{.5, .5}, math.MaxUint64/2 + 1, 1},
		{[]float64{.7, .3 - 1e-9, 0}, math.MaxUint64, 1},
	} {
		if got := locality.Tier(tt.share, tt.r); got != tt.want {
			t.Errorf("Tier(%v, %#x) = %d, want %d", tt.share, tt.r, got, tt.want)
		}
	}
}

func TestTierFollowsTheShares(t *testing.T) {
	const n = 100_000
	share := []float64{.2, 0, .5, .3}
	rng := rand.New(rand.NewPCG(1, 2))
	counts := make([]float64, len(share))
	for range n {
		counts[locality.Tier(share, rng.Uint64())]++
	}
	for i, want := range share {
		if got := counts[i] / n; math.Abs(got-want) > 0.01 || want == 0 && got > 0 {
			t.Errorf("tier %d got %v of the calls, want %v", i, got, want)
		}
	}
}
