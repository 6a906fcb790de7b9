// Package report plays the conformance cases on caches and lays the results side by side: as
// tables to read, and as JSON in the format of cache-tests, so that results of other caches and
// other tools can be put beside them.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	"github.com/freshet-io/freshet/examples/conformance/internal/suite"
)

// Result is what came of a case: the zero value is that it passed. Else Kind is "Assertion", of a
// cache that did something else; "Setup", of one that could not be asked; or "Dependency", where
// a case failed without which this one means nothing: Text is that one's id.
type Result struct{ Kind, Text string }

// Passed reports whether the case passed.
func (r Result) Passed() bool { return r.Kind == "" }

// MarshalJSON writes true, or a list of kind and text: as cache-tests does in its results
// (https://github.com/http-tests/cache-tests, the directory results).
func (r Result) MarshalJSON() ([]byte, error) {
	if r.Passed() {
		return []byte("true"), nil
	}
	return json.Marshal([]string{r.Kind, r.Text})
}

// Results are a cache's, by the ids of the cases.
type Results map[string]Result

// Play plays cases on a cache, in an order in which dependencies come first.
func Play(t *testing.T, s subject.Subject, cases []script.Case) Results {
	t.Helper()
	byID := map[string]*script.Case{}
	for i := range cases {
		byID[cases[i].ID] = &cases[i]
	}
	results := Results{}
	var play func(c *script.Case)
	play = func(c *script.Case) {
		if _, done := results[c.ID]; done {
			return
		}
		results[c.ID] = Result{Kind: "Dependency", Text: c.ID} // of a circle
		for _, id := range c.DependsOn {
			play(byID[id])
			if !results[id].Passed() {
				results[c.ID] = Result{Kind: "Dependency", Text: id}
				return
			}
		}
		results[c.ID] = resultOf(suite.Play(t, s, c))
	}
	for i := range cases {
		play(&cases[i])
	}
	return results
}

func resultOf(err error) Result {
	var f *stage.Fault
	switch {
	case err == nil:
		return Result{}
	case errors.As(err, &f):
		text, _, _ := strings.Cut(f.Text, "\n") // without a panic's stack
		return Result{Kind: f.Kind, Text: text}
	default:
		return Result{Kind: "Setup", Text: err.Error()}
	}
}

// Column is a cache and its results.
type Column struct {
	Name, About string
	Results     Results
}

// Table writes how many cases of each section each cache passes.
func Table(w io.Writer, cases []script.Case, columns []Column) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "cases\t")
	for _, c := range columns {
		fmt.Fprintf(tw, "%s\t", c.Name)
	}
	fmt.Fprintln(tw, "")
	line := func(name string, of []script.Case) {
		fmt.Fprintf(tw, "%d\t", len(of))
		for _, c := range columns {
			fmt.Fprintf(tw, "%d\t", c.passed(of))
		}
		fmt.Fprintln(tw, " "+name)
	}
	for _, section := range Sections(cases) {
		line(section, In(cases, section))
	}
	line("all", cases)
	return tw.Flush()
}

// Markdown writes the same as a table of Markdown.
func Markdown(w io.Writer, cases []script.Case, columns []Column) error {
	var b strings.Builder
	b.WriteString("| section | cases |")
	rule := "|---|---:|"
	for _, c := range columns {
		b.WriteString(" " + c.Name + " |")
		rule += "---:|"
	}
	b.WriteString("\n" + rule + "\n")
	line := func(name string, of []script.Case) {
		fmt.Fprintf(&b, "| %s | %d |", name, len(of))
		for _, c := range columns {
			fmt.Fprintf(&b, " %d |", c.passed(of))
		}
		b.WriteString("\n")
	}
	for _, section := range Sections(cases) {
		line(section, In(cases, section))
	}
	line("**all**", cases)
	_, err := io.WriteString(w, b.String())
	return err
}

// Failures writes the cases that a cache fails, with what they say.
func Failures(w io.Writer, cases []script.Case, c Column) error {
	for _, k := range cases {
		if r := c.Results[k.ID]; !r.Passed() {
			if _, err := fmt.Fprintf(w, "%-32s %s\n%32s %s: %s\n", k.ID, k.Says, "", r.Kind, r.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// Demands writes the cases that a cache fails as a list in Markdown, with what they say and not
// what the cache did: the same each time.
func Demands(w io.Writer, cases []script.Case, c Column) error {
	for _, k := range cases {
		if !c.Results[k.ID].Passed() {
			if _, err := fmt.Fprintf(w, "- `%s` (%s, tier %d): %s\n", k.ID, k.Level, k.Tier, k.Says); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Column) passed(cases []script.Case) (n int) {
	for _, k := range cases {
		if c.Results[k.ID].Passed() {
			n++
		}
	}
	return n
}

// Sections returns the sections of cases, in their order.
func Sections(cases []script.Case) (names []string) {
	for _, c := range cases {
		if !slices.Contains(names, c.Section) {
			names = append(names, c.Section)
		}
	}
	return names
}

// In returns the cases of a section.
func In(cases []script.Case, section string) (of []script.Case) {
	for _, c := range cases {
		if c.Section == section {
			of = append(of, c)
		}
	}
	return of
}
