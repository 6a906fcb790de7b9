package affinity_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/affinity"
)

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		c        float64
		total, n int
		want     int
	}{
		{1.25, 0, 10, 1},
		{1.25, 7, 10, 1},
		{1.25, 8, 10, 2},
		{1.25, 99, 10, 13},
		{2, 9, 10, 2},
		{1, 9, 10, 1},
		{1, 10, 10, 2},
		{0, 10, 10, 2},
		{-3, 10, 10, 2},
		{math.NaN(), 10, 10, math.MaxInt32},
		{math.Inf(1), 10, 10, math.MaxInt32},
		{1.25, 10, 1, 14},
		{1.25, -5, 10, 1},
		{1.25, 10, 0, 0},
		{1.25, 10, -1, 0},
	} {
		if got := affinity.Bound(tt.c, tt.total, tt.n); got != tt.want {
			t.Errorf("Bound(%v, %d, %d) = %d, want %d", tt.c, tt.total, tt.n, got, tt.want)
		}
	}
}

func TestBoundAlwaysLeavesRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 1, 50).Draw(t, "load")
		c := rapid.Float64Range(0, 4).Draw(t, "c")
		total, least := 0, math.MaxInt
		for _, l := range load {
			total += l
			least = min(least, l)
		}
		if limit := affinity.Bound(c, total, len(load)); least >= limit {
			t.Fatalf("with loads %v the bound is %d, want room somewhere", load, limit)
		}
	})
}

// route sends calls with skewed keys, each of which ends some calls later, and
// returns the greatest ratio of a load to the fair one, and how many calls went where their key belongs.
func route(ring *affinity.Ring, c float64, calls, open int, rng *rand.Rand) (worst, home float64) {
	n := ring.Len()
	load := make([]int, n)
	var flying []int
	popular := rand.NewZipf(rng, 1.2, 1, 10_000)
	for range calls {
		limit := affinity.Bound(c, len(flying), n)
		walk := ring.First(affinity.Hash(fmt.Sprint(popular.Uint64())))
		for tries := 0; ; tries++ {
			i, ok := walk.Next()
			if !ok {
				return math.Inf(1), 0 // nowhere is room: Bound is wrong
			}
			if load[i] >= limit {
				continue
			}
			if tries == 0 {
				home++
			}
			load[i]++
			flying = append(flying, i)
			worst = max(worst, float64(load[i])*float64(n)/float64(len(flying)+n))
			break
		}
		if len(flying) > open {
			k := rng.IntN(len(flying))
			load[flying[k]]--
			flying[k] = flying[len(flying)-1]
			flying = flying[:len(flying)-1]
		}
	}
	return worst, home / float64(calls)
}

// TestHotKeysAreBounded has a key with a fifth of all calls.
func TestHotKeysAreBounded(t *testing.T) {
	ring := affinity.New(names(20))
	worst, home := route(ring, 1.25, 50_000, 400, rand.New(rand.NewPCG(3, 4)))
	t.Logf("busiest %.2f of the fair load, %.0f %% of the calls where their key belongs", worst, 100*home)
	if worst > 1.25+1e-9 {
		t.Errorf("the busiest member had %.2f times its fair part, want at most 1.25", worst)
	}
	if home < 0.5 {
		t.Errorf("%.0f %% of the calls went where their key belongs, want at least half", 100*home)
	}
	if unbounded, _ := route(ring, 100, 50_000, 400, rand.New(rand.NewPCG(3, 4))); unbounded < 2 {
		t.Errorf("without bound the busiest member had %.2f times its fair part, so this test tests nothing", unbounded)
	}
}
