package table_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/table"
)

// runs are two scenarios, one of them with an oracle and two seeds.
func runs() []result.Run {
	run := func(scenario, policy string, seed uint64, p99 float64) result.Run {
		return result.Run{
			Mode: "simulation", Scenario: scenario, Policy: policy, Seed: seed, Calls: 1000,
			P50: p99 / 4, P99: p99, P999: 2 * p99, Errors: 0.00123, Probes: 0.05, Share: 0.02,
		}
	}
	all := []result.Run{
		run("a", "oracle", 1, 100), run("a", "oracle", 2, 200),
		run("a", "freshet", 1, 120), run("a", "freshet", 2, 280),
		run("a", "prequal", 1, 150), run("a", "prequal", 2, 250),
		run("b", "freshet", 1, 90),
	}
	all[4].Watched, all[2].Errors = 0.5, 0
	all[6].Busy = true
	table.Relate(all)
	return all
}

func TestSummarize(t *testing.T) {
	rows := table.Summarize(runs())
	if len(rows) != 4 {
		t.Fatalf("got %d rows, want 4", len(rows))
	}
	near := func(got, want float64) bool { return got > want-1e-9 && got < want+1e-9 }
	f := rows[1]
	if f.Policy != "freshet" || !near(f.P99.Median, 200) || !near(f.Oracle.Median, 1.3) || !near(f.Oracle.Least, 1.2) || !near(f.Oracle.Most, 1.4) {
		t.Errorf("freshet: got %+v, want a p99 of 200, 1.3 times the oracle's (1.2 to 1.4)", f)
	}
	// The oracle is no policy that a client could have.
	if !near(f.Best.Least, 0.8) || !near(f.Best.Most, 1.12) {
		t.Errorf("freshet: got %+v of the best other, want 0.8 to 1.12", f.Best)
	}
	if alone := rows[3]; alone.Best.Median != 0 || alone.Oracle.Median != 0 || alone.Busy != 1 {
		t.Errorf("alone: got %+v, want nothing to be held against", alone)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := table.WriteText(&b, table.Summarize(runs())); err != nil {
		t.Fatal(err)
	}
	const want = `a (simulation, 2 seeds)
  policy                       p50 ms   p99 ms  p99.9 ms  x oracle, of seeds    failed  probes  hottest  watched
  oracle                         37.5    150.0     300.0  1.00  1.00-1.00       0.123%   0.050    2.00%    0.00%
  freshet                        50.0    200.0     400.0  1.30  1.20-1.40       0.061%   0.050    2.00%    0.00%
  prequal                        50.0    200.0     400.0  1.38  1.25-1.50       0.123%   0.050    2.00%   25.00%

b (simulation, 1 seed)
  policy                       p50 ms   p99 ms  p99.9 ms  p99 of seeds          failed  probes  hottest
  freshet                        22.5     90.0     180.0  90.0-90.0             0.123%   0.050    2.00%  the machine was busy in 1

`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 121 && !strings.Contains(line, "busy") {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := table.WriteJSON(&b, runs()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Runs    []result.Run
		Summary []table.Row
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Runs) != 7 || doc.Runs[2] != runs()[2] || len(doc.Summary) != 4 {
		t.Errorf("got %d runs and %d rows, the third being %+v", len(doc.Runs), len(doc.Summary), doc.Runs[2])
	}
}
