package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
)

// JSON prints the comparison as one object on one line.
func JSON(w io.Writer, c Comparison) error { return json.NewEncoder(w).Encode(c) }

// Table prints the comparison for people.
func Table(w io.Writer, c Comparison) error {
	b, f := c.Baseline, c.Freshet
	var t table
	t.row("", "round_robin", "freshet", "")
	t.row("calls", count(b.Calls), count(f.Calls), "")
	t.row("calls that reached a server", count(b.OriginCalls), count(f.OriginCalls), fewer(b.OriginCalls, f.OriginCalls))
	for _, name := range service.All() {
		before, after := b.Services[name].OriginCalls, f.Services[name].OriginCalls
		t.row("    "+string(name), count(before), count(after), fewer(before, after))
	}
	t.row("answered from the cache", percent(b.HitRatio), percent(f.HitRatio), "")
	t.row("failed calls", count(b.Errors), count(f.Errors), "")
	t.row("latency, median", ms(b.P50Ms), ms(f.P50Ms), "")
	t.row("latency, 99th percentile", ms(b.P99Ms), ms(f.P99Ms), times(b.P99Ms, f.P99Ms))
	for _, name := range service.All() {
		before, after := b.Services[name].P99Ms, f.Services[name].P99Ms
		t.row("    "+string(name), ms(before), ms(after), times(before, after))
	}
	t.row("replies out of date, within bounds", count(b.StaleReplies), count(f.StaleReplies), "")
	for _, name := range service.All() {
		before, after := b.Services[name].MaxStalenessMs, f.Services[name].MaxStalenessMs
		t.row("    "+string(name)+", for at most", ms(before), ms(after), "allowed: "+allowed(c.MaxAge[name]))
	}
	t.row("freshness violations", count(b.FreshnessViolations), count(f.FreshnessViolations), "")
	_, err := io.WriteString(w, t.text.String()+legend)
	return err
}

// table is a text of rows.
type table struct{ text strings.Builder }

func (t *table) row(label, baseline, freshet, remark string) {
	line := fmt.Sprintf("%-39s %12s %12s   %s", label, baseline, freshet, remark)
	t.text.WriteString(strings.TrimRight(line, " ") + "\n")
}

const legend = `
Both columns had the same calls at the same moments, and the same faults: one
replica of five slow, by turns, and one killed and restarted. Latency counts from
when a call was due. Every reply was compared with what the database held. One
from the cache may be out of date for as long as its method declares. One that is
older, or from before a write that its own client had seen acknowledged, is a
freshness violation.
`

func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }

func ms(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}

func allowed(d time.Duration) string {
	if d == 0 {
		return "never"
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// fewer says how much less after is than before.
func fewer(before, after uint64) string {
	if before == 0 || after >= before {
		return ""
	}
	return fmt.Sprintf("%.0f %% fewer", 100*(1-float64(after)/float64(before)))
}

// times says how much faster after is than before.
func times(before, after float64) string {
	if after <= 0 || before < 1.1*after {
		return ""
	}
	if ratio := before / after; ratio < 9.95 {
		return fmt.Sprintf("%.1f times faster", ratio)
	}
	return fmt.Sprintf("%.0f times faster", before/after)
}
