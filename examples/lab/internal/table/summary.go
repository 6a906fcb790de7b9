// Package table makes of single runs what people read: for each scenario and policy the
// median over the seeds, with the least and the greatest, as text and as JSON.
package table

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

// Spread is a figure over seeds.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Row is one policy in one scenario, over all seeds.
type Row struct {
	Mode     string `json:"mode"`
	Scenario string `json:"scenario"`
	Policy   string `json:"policy"`
	Seeds    int    `json:"seeds"`
	P50      Spread `json:"p50_ms"`
	P99      Spread `json:"p99_ms"`
	P999     Spread `json:"p999_ms"`
	// Oracle is the p99 as a multiple of the oracle's with the same seed; zero without one.
	Oracle Spread `json:"oracle_ratio"`
	// Best is the p99 as a multiple of the least of the other policies, with the same seed, that
	// a client could have: no bound, and none with a knowledge that there is not. Zero where there is no other.
	Best Spread `json:"best_other_ratio"`
	// Errors, Probes, Share and Watched are medians, as in [result.Run].
	Errors  float64 `json:"errors"`
	Probes  float64 `json:"probes"`
	RIF99   float64 `json:"rif_p99"`
	Share   float64 `json:"max_share"`
	Watched float64 `json:"watched_share"`
	// Busy is how many runs the machine had no time for.
	Busy int `json:"busy,omitempty"`
}

// unreal are the policies that no client can have: two that see all servers as they are at the
// moment, the bounds, and one that is told of each request how long it was in service, which no
// server knows of its concurrent handlers.
var unreal = []string{"oracle", "shortest_queue", "expected_time"}

// Unreal reports whether no client could have a policy, since it knows what nobody does.
func Unreal(policy string) bool { return slices.Contains(unreal, policy) }

// Relate sets each run's Oracle from the oracle's run with the same mode, scenario and seed, where there
// is one.
func Relate(runs []result.Run) {
	for i := range runs {
		r := &runs[i]
		for j := range runs {
			if o := &runs[j]; o.Policy == "oracle" && o.P99 > 0 && same(o, r) {
				r.Oracle = r.P99 / o.P99
			}
		}
	}
}

func same(a, b *result.Run) bool {
	return a.Mode == b.Mode && a.Scenario == b.Scenario && a.Seed == b.Seed
}

// Summarize makes rows of runs, in the order in which scenarios and policies come first.
func Summarize(runs []result.Run) []Row {
	var rows []Row
	groups := map[[3]string][]result.Run{}
	var order [][3]string
	for _, r := range runs {
		k := [3]string{r.Mode, r.Scenario, r.Policy}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		g := groups[k]
		over := func(of func(result.Run) float64) Spread { return spread(g, of) }
		row := Row{
			Mode: k[0], Scenario: k[1], Policy: k[2], Seeds: len(g),
			P50:    over(func(r result.Run) float64 { return r.P50 }),
			P99:    over(func(r result.Run) float64 { return r.P99 }),
			P999:   over(func(r result.Run) float64 { return r.P999 }),
			Oracle: over(func(r result.Run) float64 { return r.Oracle }),
			Best:   over(func(r result.Run) float64 { return toBest(runs, r) }),

			Errors:  over(func(r result.Run) float64 { return r.Errors }).Median,
			Probes:  over(func(r result.Run) float64 { return r.Probes }).Median,
			RIF99:   over(func(r result.Run) float64 { return r.RIF99 }).Median,
			Share:   over(func(r result.Run) float64 { return r.Share }).Median,
			Watched: over(func(r result.Run) float64 { return r.Watched }).Median,
		}
		for _, r := range g {
			if r.Busy {
				row.Busy++
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// toBest is the p99 of r as a multiple of the best other's.
func toBest(runs []result.Run, r result.Run) float64 {
	best := 0.0
	for i := range runs {
		o := &runs[i]
		if same(o, &r) && o.Policy != r.Policy && !Unreal(o.Policy) && (best == 0 || o.P99 < best) {
			best = o.P99
		}
	}
	if best == 0 {
		return 0
	}
	return r.P99 / best
}

func spread(runs []result.Run, of func(result.Run) float64) Spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	return spreadOf(values)
}

// spreadOf sorts values, of which there is one at least.
func spreadOf(values []float64) Spread {
	slices.Sort(values)
	n := len(values)
	median := values[n/2]
	if n%2 == 0 {
		median = (values[n/2-1] + values[n/2]) / 2
	}
	return Spread{median, values[0], values[n-1]}
}

// WriteJSON writes one document: the runs, and the rows that are made of them.
func WriteJSON(w io.Writer, runs []result.Run) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Runs    []result.Run `json:"runs"`
		Summary []Row        `json:"summary"`
	}{runs, Summarize(runs)})
}
