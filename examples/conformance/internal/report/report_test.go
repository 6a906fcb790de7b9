package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/report"
	"github.com/freshet-io/freshet/examples/conformance/internal/script"
)

func some() ([]script.Case, report.Column) {
	of := func(id, section string) script.Case {
		return script.Case{ID: id, Tier: 1, Level: script.Must, Section: section, Says: "It must."}
	}
	return []script.Case{of("A", "one"), of("B", "one"), of("C", "two"), of("D", "two")}, report.Column{Name: "it", Results: report.Results{
		"A": {},
		"B": {Kind: "Assertion", Text: "got hit, want miss"},
		"C": {Kind: "Setup", Text: "no store"},
		"D": {Kind: "Dependency", Text: "B"},
	}}
}

// TestJSON holds results against the format of cache-tests' own.
func TestJSON(t *testing.T) {
	_, c := some()
	got, err := json.Marshal(c.Results)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"A":true,"B":["Assertion","got hit, want miss"],"C":["Setup","no store"],"D":["Dependency","B"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTables(t *testing.T) {
	cases, c := some()
	for name, tt := range map[string]struct {
		write func(*bytes.Buffer) error
		want  string
	}{
		"Markdown": {func(b *bytes.Buffer) error { return report.Markdown(b, cases, []report.Column{c}) }, "| section | cases | it |\n|---|---:|---:|\n| one | 2 | 1 |\n| two | 2 | 0 |\n| **all** | 4 | 1 |\n"},
		"Demands":  {func(b *bytes.Buffer) error { return report.Demands(b, cases[:2], c) }, "- `B` (must, tier 1): It must.\n"},
	} {
		var b bytes.Buffer
		if err := tt.write(&b); err != nil || b.String() != tt.want {
			t.Errorf("%s: got %v and\n%s\nwant\n%s", name, err, b.String(), tt.want)
		}
	}
	var b bytes.Buffer
	if err := report.Failures(&b, cases, c); err != nil || strings.Count(b.String(), "It must.") != 3 || !strings.Contains(b.String(), "Setup: no store") {
		t.Errorf("got %v and the failures\n%s", err, b.String())
	}
}
