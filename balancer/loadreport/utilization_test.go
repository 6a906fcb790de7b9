package loadreport_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/loadreport"
)

type setting struct {
	tier  string
	value float64
}

func TestSetUtilization(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, tt := range []struct {
		name string
		set  []setting
		want *orcapb.OrcaLoadReport
		logs int
	}{
		{
			"the last stands",
			[]setting{{"cpu", 0.5}, {"cpu", 0.25}, {"db", 0.5}, {"db", 0.125}},
			&orcapb.OrcaLoadReport{CpuUtilization: 0.25, Utilization: map[string]float64{"db": 0.125}}, 0,
		},
		{
			"back to 0",
			[]setting{{"cpu", 0.5}, {"cpu", 0}, {"db", 0.5}, {"db", 0}},
			&orcapb.OrcaLoadReport{Utilization: map[string]float64{"db": 0}}, 0,
		},
		{
			"over 1",
			[]setting{{"cpu", 1.5}, {"app", 2.5}, {"mem", 1.5}, {"db", 1.5}},
			&orcapb.OrcaLoadReport{CpuUtilization: 1.5, ApplicationUtilization: 2.5, MemUtilization: 1, Utilization: map[string]float64{"db": 1}}, 0,
		},
		{"absurd", []setting{{"cpu", 1e300}, {"app", 1e300}}, &orcapb.OrcaLoadReport{CpuUtilization: 1000, ApplicationUtilization: 1000}, 0},
		{"no number", []setting{{"cpu", 0.5}, {"cpu", math.NaN()}, {"db", math.NaN()}}, &orcapb.OrcaLoadReport{CpuUtilization: 0.5}, 1},
		{"negative", []setting{{"mem", 0.5}, {"mem", -0.1}, {"mem", -0.1}}, &orcapb.OrcaLoadReport{MemUtilization: 0.5}, 1},
		{"infinite", []setting{{"app", 0.5}, {"app", math.Inf(1)}, {"app", math.Inf(-1)}}, &orcapb.OrcaLoadReport{ApplicationUtilization: 0.5}, 1},
		{
			"names",
			[]setting{{"", 0.5}, {"\xff", 0.5}, {long, 0.5}, {long + "x", 0.5}, {"größe", 0.5}},
			&orcapb.OrcaLoadReport{Utilization: map[string]float64{long: 0.5, "größe": 0.5}}, 1,
		},
		{"each kind is logged", []setting{{"", 0.5}, {"", -1}, {"x", -1}}, &orcapb.OrcaLoadReport{}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			serve(t, func(t *testing.T, s *service) {
				for _, u := range tt.set {
					s.reporter.SetUtilization(u.tier, u.value)
				}
				got := recv(t, s.follow(t, nil))
				if got.CpuUtilization != tt.want.CpuUtilization || got.MemUtilization != tt.want.MemUtilization ||
					got.ApplicationUtilization != tt.want.ApplicationUtilization || cmp.Diff(tt.want.Utilization, got.Utilization) != "" {
					t.Errorf("after %v the report is %v, want %v", tt.set, got, tt.want)
				}
				if n := strings.Count(log.String(), "\n"); n != tt.logs {
					t.Errorf("%d lines are logged, want %d: %s", n, tt.logs, &log)
				}
			}, loadreport.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), loadreport.WithLogger(nil))
		})
	}
}

func TestTiersAreBounded(t *testing.T) {
	var log bytes.Buffer
	serve(t, func(t *testing.T, s *service) {
		for i := range 100 {
			s.reporter.SetUtilization(fmt.Sprint("tier", i), 0.5)
		}
		s.reporter.SetUtilization("tier31", 0.75)
		s.reporter.SetUtilization("cpu", 0.5)
		m := recv(t, s.follow(t, nil))
		if len(m.Utilization) != 32 || m.Utilization["tier31"] != 0.75 || m.CpuUtilization != 0.5 {
			t.Errorf("after 100 tiers the report is %v, want the first 32, and cpu", m)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines are logged, want 1: %s", n, &log)
		}
	}, loadreport.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
}

// Many goroutines set tiers of their own, new ones too, while reports are made: of
// each tier the last value stands.
func TestNoUpdateIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tiers := rapid.IntRange(1, 32).Draw(rt, "tiers")
		updates := rapid.IntRange(1, 50).Draw(rt, "updates")
		serve(t, func(t *testing.T, s *service) {
			var wg sync.WaitGroup
			for i := range tiers {
				wg.Go(func() {
					for u := range updates {
						s.reporter.SetUtilization(fmt.Sprint(i), float64(u+1)/float64(updates))
					}
				})
				wg.Go(func() { s.call(t, t.Context()) })
			}
			wg.Wait()
			m := recv(t, s.follow(t, nil))
			if len(m.Utilization) != tiers {
				t.Errorf("%d tiers are reported, want %d", len(m.Utilization), tiers)
			}
			for name, v := range m.Utilization {
				if v != 1 {
					t.Errorf("tier %s is %v, want the last value, 1", name, v)
				}
			}
		}, loadreport.WithORCATrailer())
	})
}
