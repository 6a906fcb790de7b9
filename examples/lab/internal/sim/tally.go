package sim

import (
	"math"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

// tally is what is measured of a run.
type tally struct {
	made, failed, probes int
	took                 []int64
	to                   []int // attempts by server
	rif                  []int // how often an arrival found that many in flight
}

func (t *tally) sent(server int) { t.to[server]++ }

func (t *tally) found(rif int) {
	for rif >= len(t.rif) {
		t.rif = append(t.rif, 0)
	}
	t.rif[rif]++
}

func (t *tally) ended(took int64, code codes.Code) {
	t.took = append(t.took, took)
	if code != codes.OK {
		t.failed++
	}
}

// result makes the figures of a run.
func (t *tally) result(watch int) result.Run {
	slices.Sort(t.took)
	total, attempts := 0.0, 0
	for _, took := range t.took {
		total += float64(took)
	}
	for _, n := range t.to {
		attempts += n
	}
	calls := float64(max(len(t.took), 1))
	r := result.Run{
		Mode:  "simulation",
		Calls: len(t.took),
		Mean:  total / calls / 1e6,
		P50:   t.quantile(0.5), P90: t.quantile(0.9), P99: t.quantile(0.99), P999: t.quantile(0.999),
		Errors: float64(t.failed) / calls,
		Probes: float64(t.probes) / calls,
		RIF99:  t.rif99(),
	}
	if attempts > 0 {
		r.Share = float64(slices.Max(t.to)) / float64(attempts)
		if watch >= 0 {
			r.Watched = float64(t.to[watch]) / float64(attempts)
		}
	}
	return r
}

// quantile is in ms, of sorted times: the smallest that at least a part q do not exceed.
func (t *tally) quantile(q float64) float64 {
	if len(t.took) == 0 {
		return 0
	}
	i := int(math.Ceil(q*float64(len(t.took)))) - 1
	return float64(t.took[max(i, 0)]) / 1e6
}

func (t *tally) rif99() float64 {
	total, below := 0, 0
	for _, n := range t.rif {
		total += n
	}
	for rif, n := range t.rif {
		if below += n; float64(below) >= 0.99*float64(total) {
			return float64(rif)
		}
	}
	return 0
}
