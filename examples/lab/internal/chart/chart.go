// Package chart draws how far policies are from the oracle, as an SVG of its own: no fonts,
// scripts or styles from elsewhere, and the same bytes for the same figures.
package chart

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/freshet-io/freshet/examples/lab/internal/table"
)

const (
	width   = 760
	left    = 190 // of the bars
	right   = 90  // for their figures
	top     = 84
	bar     = 13
	between = 12 // two policies
	// cut is the longest bar, as a multiple of the oracle; what is longer is cut off and says
	// how long it is. A deadline of 1 s is 7.5 times the oracle's p99 in the main setting.
	cut = 8.0
)

// colors are those of the scenarios, for freshet, for others, and for those that no client can be.
var colors = [][3]string{{"#0f8a63", "#7c9cb5", "#c9cfd6"}, {"#084c37", "#4d7192", "#aab2bb"}, {"#053024", "#2f4f6b", "#8b949e"}}

// Write draws the 99th percentile of each policy as a multiple of the oracle's, a bar for each scenario
// of rows, three at most, and the least in the first one on top. Policies without such a multiple
// are left out.
func Write(w io.Writer, rows []table.Row) error {
	var scenarios, policies []string
	figures := map[[2]string]float64{}
	for _, r := range rows {
		if r.Oracle.Median == 0 || r.Policy == "oracle" {
			continue
		}
		scenarios, policies = once(scenarios, r.Scenario), once(policies, r.Policy)
		figures[[2]string{r.Scenario, r.Policy}] = r.Oracle.Median
	}
	if len(scenarios) > len(colors) {
		scenarios = scenarios[:len(colors)]
	}
	if len(scenarios) > 0 {
		slices.SortStableFunc(policies, func(a, b string) int {
			return cmp.Compare(figures[[2]string{scenarios[0], a}], figures[[2]string{scenarios[0], b}])
		})
	}
	block := bar*len(scenarios) + between
	height := top + block*len(policies) + 34
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="Helvetica, Arial, sans-serif" font-size="12">`, width, height, width, height)
	say(`<title id="title">99th percentile of latency by policy, as a multiple of the oracle's</title>`)
	say(`<desc id="desc">%s</desc>`, html.EscapeString(describe(scenarios, policies, figures)))
	say(`<rect width="%d" height="%d" rx="6" fill="#ffffff" stroke="#d0d7de"/>`, width, height)
	say(`<text x="16" y="26" font-size="15" font-weight="bold" fill="#1f2328">99th percentile of latency, as a multiple of the oracle's (less is better)</text>`)
	x := 16
	for i, s := range scenarios {
		say(`<rect x="%d" y="40" width="11" height="11" fill="%s"/><rect x="%d" y="40" width="11" height="11" fill="%s"/>`, x, colors[i][0], x+12, colors[i][1])
		say(`<text x="%d" y="50" fill="#1f2328">%s</text>`, x+29, html.EscapeString(s))
		x += 60 + 7*len(s)
	}
	say(`<rect x="%d" y="40" width="11" height="11" fill="%s"/><text x="%d" y="50" fill="#1f2328">knows what no client can</text>`, x, colors[0][2], x+17)
	grid(say, height)
	for p, policy := range policies {
		y := top + p*block
		weight, color := "normal", 1
		switch {
		case policy == "freshet":
			weight, color = "bold", 0
		case table.Unreal(policy):
			color = 2
		}
		say(`<text x="%d" y="%d" text-anchor="end" font-weight="%s" fill="#1f2328">%s</text>`, left-8, y+(bar*len(scenarios))/2+4, weight, html.EscapeString(policy))
		for i, s := range scenarios {
			v, ok := figures[[2]string{s, policy}]
			if !ok {
				continue
			}
			length := scale(min(v, cut))
			text := fmt.Sprintf("%.2f", v)
			if v > cut {
				text = fmt.Sprintf("%.1f, cut off", v)
			}
			say(`<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, left, y+i*bar, length, bar-1, colors[i][color])
			say(`<text x="%.1f" y="%d" font-size="11" font-weight="%s" fill="#1f2328" stroke="#ffffff" stroke-width="3" paint-order="stroke">%s</text>`, left+length+5, y+i*bar+10, weight, text)
		}
	}
	say(`</svg>`)
	_, err := io.WriteString(w, b.String())
	return err
}

func scale(v float64) float64 { return v / cut * (width - left - right) }

// grid draws a line for each multiple, from zero; 1 is the oracle.
func grid(say func(string, ...any), height int) {
	for n := range int(cut) + 1 {
		x := left + scale(float64(n))
		dash, text := `stroke-dasharray="2 3" `, fmt.Sprint(n)
		if n == 1 {
			dash, text = "", "1 = oracle"
		}
		say(`<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" %sstroke="#8c959f"/>`, x, top-8, x, height-28, dash)
		say(`<text x="%.1f" y="%d" text-anchor="middle" font-size="11" fill="#57606a">%s</text>`, x, height-12, text)
	}
}

// describe is the picture for those who do not see it.
func describe(scenarios, policies []string, figures map[[2]string]float64) string {
	var parts []string
	for _, s := range scenarios {
		var of []string
		for _, p := range policies {
			if v, ok := figures[[2]string{s, p}]; ok {
				of = append(of, fmt.Sprintf("%s %.2f", p, v))
			}
		}
		parts = append(parts, s+": "+strings.Join(of, ", "))
	}
	return strings.Join(parts, "; ") + "."
}

func once(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}
