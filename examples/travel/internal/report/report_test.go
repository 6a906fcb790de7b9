package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/examples/travel/internal/report"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/truth"
)

// samples are of 1 ms to n ms, the longest first.
func samples(n int) []report.Sample {
	var list []report.Sample
	for i := range n {
		list = append(list, report.Sample{Service: service.Fares, Latency: time.Duration(n-i) * time.Millisecond})
	}
	return list
}

func TestPercentiles(t *testing.T) {
	for _, tt := range []struct {
		name     string
		n        int
		p50, p99 float64
	}{
		{"none", 0, 0, 0},
		{"one", 1, 1, 1},
		{"two", 2, 1, 2},
		{"a hundred", 100, 50, 99},
		{"a hundred and one", 101, 51, 100},
		{"a thousand", 1000, 500, 990},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := report.Summarize(samples(tt.n), nil, time.Second)
			if got.P50Ms != tt.p50 || got.P99Ms != tt.p99 {
				t.Errorf("got p50 %v, p99 %v, want %v and %v", got.P50Ms, got.P99Ms, tt.p50, tt.p99)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	got := report.Summarize([]report.Sample{
		{Service: service.Directory, Cached: true, Verdict: truth.Verdict{Staleness: 1500 * time.Millisecond}},
		{Service: service.Directory, Cached: true},
		{Service: service.Fares, Verdict: truth.Verdict{Staleness: 2 * time.Second, Violation: "too old"}},
		{Service: service.Seats, Failed: true},
	}, map[service.Name]uint64{service.Fares: 1, service.Seats: 3}, 2500*time.Millisecond)
	want := report.Run{
		Figures: report.Figures{
			Calls: 4, OriginCalls: 4, Errors: 1, HitRatio: 0.5,
			StaleReplies: 1, FreshnessViolations: 1, MaxStalenessMs: 2000,
		},
		WallS: 2.5,
		Services: map[service.Name]report.Figures{
			service.Directory: {Calls: 2, HitRatio: 1, StaleReplies: 1, MaxStalenessMs: 1500},
			service.Fares:     {Calls: 1, OriginCalls: 1, FreshnessViolations: 1, MaxStalenessMs: 2000},
			service.Seats:     {Calls: 1, OriginCalls: 3, Errors: 1},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	var out strings.Builder
	if err := report.JSON(&out, report.Comparison{}); err != nil {
		t.Fatal(err)
	}
	var got map[string]map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{"baseline", "freshet"} {
		for _, key := range []string{
			"calls", "origin_calls", "errors", "p50_ms", "p99_ms", "hit_ratio", "stale_replies",
			"freshness_violations", "max_staleness_ms", "wall_s",
		} {
			if _, ok := got[run][key].(float64); !ok {
				t.Errorf("%s.%s is no number in %s", run, key, out.String())
			}
		}
	}
}

func TestTable(t *testing.T) {
	run := func(origin uint64, p99 float64) report.Run {
		f := report.Figures{Calls: 12345, OriginCalls: origin, P50Ms: 1.25, P99Ms: p99}
		return report.Run{Figures: f, Services: map[service.Name]report.Figures{}}
	}
	var out strings.Builder
	c := report.Comparison{
		Baseline: run(12345, 150), Freshet: run(2469, 15),
		MaxAge: map[service.Name]time.Duration{service.Fares: 2 * time.Second},
	}
	c.Freshet.Services[service.Fares] = report.Figures{MaxStalenessMs: 1234}
	if err := report.Table(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"calls                                         12,345       12,345",
		"calls that reached a server                   12,345        2,469   80 % fewer",
		"latency, 99th percentile                      150 ms      15.0 ms   10 times faster",
		"    fares, for at most                          0 ms       1.23 s   allowed: 2 s",
		"    seats, for at most                          0 ms         0 ms   allowed: never",
	} {
		if !slices.Contains(strings.Split(out.String(), "\n"), want) {
			t.Errorf("the line %q is missing in\n%s", want, out.String())
		}
	}
}
