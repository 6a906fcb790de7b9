package table

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes a table for each scenario, of at most 120 columns.
func WriteText(w io.Writer, rows []Row) error {
	var b strings.Builder
	for i := 0; i < len(rows); {
		end := i
		for end < len(rows) && rows[end].Mode == rows[i].Mode && rows[end].Scenario == rows[i].Scenario {
			end++
		}
		writeScenario(&b, rows[i:end])
		i = end
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeScenario(b *strings.Builder, rows []Row) {
	fmt.Fprintf(b, "%s (%s, %s)\n", rows[0].Scenario, rows[0].Mode, plural(rows[0].Seeds, "seed"))
	watched, related := false, false
	for _, r := range rows {
		watched = watched || r.Watched > 0
		related = related || r.Oracle.Median > 0
	}
	spread := "p99 of seeds"
	if related {
		spread = "x oracle, of seeds"
	}
	fmt.Fprintf(b, "  %-26s %8s %8s %9s  %-18s %9s %7s %8s", "policy", "p50 ms", "p99 ms", "p99.9 ms", spread, "failed", "probes", "hottest")
	if watched {
		b.WriteString("  watched")
	}
	b.WriteByte('\n')
	for _, r := range rows {
		spread := span(r.P99, 1)
		if related {
			spread = ratio(r.Oracle)
		}
		fmt.Fprintf(b, "  %-26s %8.1f %8.1f %9.1f  %-18s %8s%% %7.3f %7.2f%%",
			r.Policy, r.P50.Median, r.P99.Median, r.P999.Median, spread, percent(r.Errors), r.Probes, 100*r.Share)
		if watched {
			fmt.Fprintf(b, "  %6.2f%%", 100*r.Watched)
		}
		if r.Busy > 0 {
			fmt.Fprintf(b, "  the machine was busy in %d", r.Busy)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func span(s Spread, digits int) string {
	return fmt.Sprintf("%.*f-%.*f", digits, s.Least, digits, s.Most)
}

func ratio(s Spread) string {
	if s.Median == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f  %s", s.Median, span(s, 2))
}

// percent shows small shares as they are, and none as none.
func percent(share float64) string {
	if share == 0 {
		return "0"
	}
	return fmt.Sprintf("%.3f", 100*share)
}
