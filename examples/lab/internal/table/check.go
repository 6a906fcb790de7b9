package table

import (
	"fmt"
	"io"
	"strings"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

// Verdict is how a policy does in one scenario beside the best of the others.
type Verdict struct {
	Mode     string
	Scenario string
	// Other is the best of the other policies that a client could have, by the median over seeds.
	Other string
	// P99 is that of the policy, OtherP99 the other's, in ms.
	P99, OtherP99 Spread
	// Ratio is p99 by the other's with the same seed, and so the same calls.
	Ratio Spread
	// Over says that the median of Ratio is over the limit.
	Over bool
}

// tolerated is by how much greater the share of failed calls may be, of a policy that counts
// as another one: who fails calls at once, and is fast with those that are left, is not better.
const tolerated = 0.001

// Check compares a policy with each other one that a client could have, in each scenario in which
// it ran beside one, and holds the worst ratio of p99 against a limit. Of the ratios over seeds it
// takes the median for each other policy: the best of ten policies of one seed is in
// part the luckiest.
func Check(runs []result.Run, policy string, limit float64) []Verdict {
	var all []Verdict
	rows := Summarize(runs)
	for _, row := range rows {
		if row.Policy != policy {
			continue
		}
		v := Verdict{Mode: row.Mode, Scenario: row.Scenario, P99: row.P99}
		for _, other := range rows {
			if other.Mode != row.Mode || other.Scenario != row.Scenario || other.Policy == policy ||
				Unreal(other.Policy) || other.Errors > row.Errors+tolerated {
				continue
			}
			if r := between(runs, row, other); r.Median > v.Ratio.Median {
				v.Other, v.OtherP99, v.Ratio = other.Policy, other.P99, r
			}
		}
		if v.Other == "" {
			continue
		}
		v.Over = v.Ratio.Median > limit
		all = append(all, v)
	}
	return all
}

// between is the p99 of a row's policy by that of another row's, seed by seed.
func between(runs []result.Run, row, other Row) Spread {
	var ratios []float64
	for i := range runs {
		r := &runs[i]
		if r.Mode != row.Mode || r.Scenario != row.Scenario || r.Policy != row.Policy {
			continue
		}
		for j := range runs {
			if o := &runs[j]; same(o, r) && o.Policy == other.Policy && o.P99 > 0 {
				ratios = append(ratios, r.P99/o.P99)
			}
		}
	}
	if len(ratios) == 0 {
		return Spread{}
	}
	return spreadOf(ratios)
}

// WriteCheck writes verdicts of a policy as a table, and reports how many are over the limit.
func WriteCheck(w io.Writer, policy string, limit float64, verdicts []Verdict) (over int, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against the best other policy that a client could have, limit %.2f\n", policy, limit)
	fmt.Fprintf(&b, "  %-34s %8s  %-22s %8s  %s\n", "scenario", "p99 ms", "best other", "p99 ms", "ratio, of seeds")
	for _, v := range verdicts {
		mark := ""
		if v.Over {
			mark = "  over"
			over++
		}
		fmt.Fprintf(&b, "  %-34s %8.1f  %-22s %8.1f  %s%s\n", v.Scenario, v.P99.Median, v.Other, v.OtherP99.Median, ratio(v.Ratio), mark)
	}
	_, err = io.WriteString(w, b.String())
	return over, err
}
