// Package report turns the measurements of a run into figures, and prints them.
//
//	run := report.Summarize(samples, originCalls, wall)
//	report.Table(os.Stdout, report.Comparison{Baseline: a, Freshet: b})
package report

import (
	"math"
	"slices"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/truth"
)

// Sample is the measurement of one call.
type Sample struct {
	Service service.Name
	// Latency is the time from when the call was due to its end.
	Latency time.Duration
	// Failed: it ended with an error.
	Failed bool
	// Cached: it was answered from the client's cache.
	Cached bool
	// Verdict is what is certain of its reply.
	Verdict truth.Verdict
}

// Figures sum up calls. Their JSON names are what other programs read.
//
//nolint:tagliatelle // names that programs read
type Figures struct {
	Calls               uint64  `json:"calls"`
	OriginCalls         uint64  `json:"origin_calls"` // attempts that reached a server
	Errors              uint64  `json:"errors"`
	P50Ms               float64 `json:"p50_ms"`
	P99Ms               float64 `json:"p99_ms"`
	HitRatio            float64 `json:"hit_ratio"` // of all calls, those answered from the cache
	StaleReplies        uint64  `json:"stale_replies"`
	FreshnessViolations uint64  `json:"freshness_violations"`
	MaxStalenessMs      float64 `json:"max_staleness_ms"`
}

// Run is the figures of one run, all calls together and by service.
//
//nolint:tagliatelle // likewise
type Run struct {
	Figures
	WallS    float64                  `json:"wall_s"`
	Services map[service.Name]Figures `json:"services"`
}

// Comparison is two runs with the same calls.
type Comparison struct {
	Baseline Run `json:"baseline"`
	Freshet  Run `json:"freshet"`
	// MaxAge is how old a reply of a service may be that did not come from a
	// server: what its proto declares.
	MaxAge map[service.Name]time.Duration `json:"-"`
}

// Summarize computes the figures of a run from its samples, the calls that
// reached each service's servers, and how long it took.
func Summarize(samples []Sample, originCalls map[service.Name]uint64, wall time.Duration) Run {
	run := Run{WallS: round(wall.Seconds()), Services: make(map[service.Name]Figures)}
	run.Figures = figures(samples)
	for _, name := range service.All() {
		f := figures(slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Service != name }))
		f.OriginCalls = originCalls[name]
		run.OriginCalls += f.OriginCalls
		run.Services[name] = f
	}
	return run
}

func figures(samples []Sample) Figures {
	f := Figures{Calls: uint64(len(samples))}
	latencies := make([]time.Duration, 0, len(samples))
	var hits int
	var oldest time.Duration
	for _, s := range samples {
		latencies = append(latencies, s.Latency)
		if s.Failed {
			f.Errors++
		}
		if s.Cached {
			hits++
		}
		if s.Verdict.Stale() {
			f.StaleReplies++
		}
		if s.Verdict.Violation != "" {
			f.FreshnessViolations++
		}
		oldest = max(oldest, s.Verdict.Staleness)
	}
	slices.Sort(latencies)
	f.P50Ms, f.P99Ms = milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99))
	f.MaxStalenessMs = milliseconds(oldest)
	if f.Calls > 0 {
		f.HitRatio = round(float64(hits) / float64(f.Calls))
	}
	return f
}

// percentile is the smallest value that at least p percent of the values do not
// exceed (nearest rank); zero of none. The values must be sorted.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

func milliseconds(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps three decimals.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }
