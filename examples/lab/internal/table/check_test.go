package table_test

import (
	"bytes"
	"testing"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/table"
)

func TestCheck(t *testing.T) {
	run := func(scenario, policy string, seed uint64, p99, errors float64) result.Run {
		return result.Run{Scenario: scenario, Policy: policy, Seed: seed, P99: p99, Errors: errors}
	}
	all := []result.Run{
		// In a, with each of two seeds another one is better, but neither is with most.
		run("a", "freshet", 1, 110, 0), run("a", "freshet", 2, 110, 0), run("a", "freshet", 3, 110, 0),
		run("a", "one", 1, 100, 0), run("a", "one", 2, 120, 0), run("a", "one", 3, 120, 0),
		run("a", "two", 1, 120, 0), run("a", "two", 2, 100, 0), run("a", "two", 3, 110, 0),
		// In b, those who are better know what nobody does, or fail calls.
		run("b", "freshet", 1, 100, 0.001),
		run("b", "oracle", 1, 50, 0), run("b", "shortest_queue", 1, 60, 0), run("b", "expected_time", 1, 60, 0), run("b", "two", 1, 70, 0.0021),
		run("b", "one", 1, 99, 0.002),
		// In c, one is better.
		run("c", "freshet", 1, 106, 0), run("c", "one", 1, 100, 0),
		// Nothing to compare with.
		run("d", "freshet", 1, 100, 0), run("e", "one", 1, 100, 0),
	}
	got := table.Check(all, "freshet", 1.05)
	if len(got) != 3 {
		t.Fatalf("got %+v, want three verdicts", got)
	}
	for i, want := range []struct {
		other string
		over  bool
	}{{"two", false}, {"one", false}, {"one", true}} {
		if got[i].Other != want.other || got[i].Over != want.over {
			t.Errorf("got %+v, want %+v", got[i], want)
		}
	}
	var b bytes.Buffer
	if over, err := table.WriteCheck(&b, "freshet", 1.05, got); over != 1 || err != nil {
		t.Errorf("got %d and %v, want 1", over, err)
	}
	const want = `freshet against the best other policy that a client could have, limit 1.05
  scenario                             p99 ms  best other               p99 ms  ratio, of seeds
  a                                     110.0  two                       110.0  1.00  0.92-1.10
  b                                     100.0  one                        99.0  1.01  1.01-1.01
  c                                     106.0  one                       100.0  1.06  1.06-1.06  over
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
