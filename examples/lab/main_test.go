package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/lab/internal/sim"
)

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		say  string
	}{
		{"-h", 0, "Usage of lab"},
		{"-list", 0, "weighted_round_robin"},
		{"-mode real", 2, `-mode must be simulation or grpc, got "real"`},
		{"-seeds 101", 2, "-seeds must be between 1 and 100, got 101"},
		{"-seeds -1", 2, "-seeds must be between 1 and 100, got -1"},
		{"-load 1.5", 2, "-load must be over 0 and at most 1, got 1.5"},
		{"-load NaN", 2, "-load must be over 0 and at most 1, got NaN"},
		{"-scenario none", 2, `-scenario: there is no "none", see -list`},
		{"-policy none", 2, `got "none"`},
		{"-mode grpc -full", 2, "-mode grpc has -load"},
		{"-mode grpc -check", 2, "-mode grpc has -load"},
		{"-check -policy freshet", 2, "-check needs freshet and another policy, got freshet"},
		{`-freshet {"poolSize":17}`, 2, "balancer: poolSize must be between 1 and 16, got 17"},
		{"-freshet none", 2, "invalid value"},
		{"-mode grpc -policy prequal", 2, `got "prequal"`},
		{"more", 2, `unexpected argument "more"`},
		{"-no", 2, "not defined"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, err bytes.Buffer
			code := run(t.Context(), strings.Fields(tt.args), &out, &err)
			if code != tt.code || !strings.Contains(out.String()+err.String(), tt.say) {
				t.Errorf("got code %d and %q, want %d and %q", code, out.String()+err.String(), tt.code, tt.say)
			}
		})
	}
}

// TestSimulate: results stand in the order of scenarios, policies and seeds, and are the same each
// time, however many run at once.
func TestSimulate(t *testing.T) {
	a, b := sim.Scenarios()[7], sim.Scenarios()[7]
	a.Name, a.Warmup, a.Window = "a", time.Second, time.Second
	b.Name, b.Warmup, b.Window, b.Load = "b", time.Second, time.Second, 0.5
	policies := []string{"oracle", "freshet"}
	first, err := simulate(t.Context(), []sim.Scenario{a, b}, policies, seeds(2))
	if err != nil {
		t.Fatal(err)
	}
	again, err := simulate(t.Context(), []sim.Scenario{a, b}, policies, seeds(2))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range []string{"a", "b"} {
		for _, p := range policies {
			for seed := uint64(1); seed <= 2; seed++ {
				if r := first[n]; r.Scenario != s || r.Policy != p || r.Seed != seed || r != again[n] {
					t.Errorf("result %d: got %+v, then %+v, want %s, %s and seed %d, twice the same", n, r, again[n], s, p, seed)
				}
				n++
			}
		}
	}
	a.Servers = 0
	if _, err := simulate(t.Context(), []sim.Scenario{a}, policies, seeds(2)); err == nil {
		t.Error("a scenario without servers: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := simulate(ctx, []sim.Scenario{b}, policies, seeds(2)); err == nil {
		t.Error("interrupted: got no error")
	}
}

// TestRun goes the whole way once, for a scenario that takes a moment.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	file := filepath.Join(t.TempDir(), "p99.svg")
	var out, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"-scenario", "16x1, 75 %", "-policy", "oracle,freshet", "-freshet", `{"poolSize":16}`, "-json", "-check", "-chart", file,
	}, &out, &stderr)
	if code != 0 {
		t.Fatalf("got code %d: %s", code, stderr.String())
	}
	if !strings.Contains(stderr.String(), "limit 1.05") {
		t.Errorf("got %q, want what -check found", stderr.String())
	}
	var doc struct {
		Runs []struct {
			Policy string  `json:"policy"`
			Oracle float64 `json:"oracle_ratio"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Runs) != 3 || doc.Runs[1].Policy != "freshet" || doc.Runs[2].Policy != `freshet {"poolSize":16}` || doc.Runs[1].Oracle < 1 {
		t.Errorf("got %+v, want the oracle and freshet twice", doc.Runs)
	}
	if svg, err := os.ReadFile(file); err != nil || !bytes.Contains(svg, []byte("freshet")) {
		t.Errorf("got no picture: %v", err)
	}
}
