package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

const (
	keys     = 1_000_000
	exponent = 0.99
	loopKeys = 100_000
	// shiftEvery is how many requests a ranking lasts.
	shiftEvery = 25
	seed       = 1
)

// ranks draws ranks of a Zipf distribution with an exponent below 1, which
// math/rand's does not do.
type ranks []float64

func newRanks(n int, s float64) ranks {
	sum := 0.0
	cumulative := make(ranks, n)
	for i := range cumulative {
		sum += math.Pow(float64(i+1), -s)
		cumulative[i] = sum
	}
	for i := range cumulative {
		cumulative[i] /= sum
	}
	return cumulative
}

func (r ranks) draw(rnd *rand.Rand) int {
	return min(sort.SearchFloat64s(r, rnd.Float64()), len(r)-1)
}

var traces = []string{"zipf", "scan", "loop", "shift", "news"}

// trace returns n requests, each the number of a key. Numbers from keys on are
// those of scans and loops.
func trace(kind string, r ranks, n int) ([]uint32, error) {
	rnd := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a simulation
	requests := make([]uint32, n)
	for i := range requests {
		rank := r.draw(rnd)
		switch kind {
		case "zipf":
		case "scan":
			if rnd.IntN(5) == 0 {
				rank = keys + i
			}
		case "loop":
			if i%2 == 0 {
				rank = keys + i/2%loopKeys
			}
		case "shift":
			rank = (rank + i/shiftEvery) % keys
		case "news":
			rank = (rank + keys - i/shiftEvery%keys) % keys
		default:
			return nil, fmt.Errorf("hitratio: trace must be one of %v, got %q", traces, kind)
		}
		requests[i] = uint32(rank) //nolint:gosec // below keys + n
	}
	return requests, nil
}
