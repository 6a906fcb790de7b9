package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/conformance/internal/report"
	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject/freshet"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject/otterdeco"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject/ttlmap"
	"github.com/freshet-io/freshet/examples/conformance/internal/suite"
)

// subjects are the caches, in the order of the tables.
var subjects = []subject.Subject{freshet.Subject{}, ttlmap.Subject{}, otterdeco.Subject{}}

func main() {
	flags := flag.NewFlagSet("conformance", flag.ExitOnError)
	dir := flags.String("json", "", "directory to write each cache's results to, as NAME.json in the format of cache-tests")
	failures := flags.Bool("failures", false, "list every case that a cache fails")
	_ = flags.Parse(os.Args[1:]) // ExitOnError
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "conformance: want no arguments, got %q\n", flags.Args())
		os.Exit(2)
	}
	// Virtual time is testing/synctest's, which wants a test to belong to: so this is one.
	os.Args = os.Args[:1]
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "conformance", F: func(t *testing.T) {
		if err := run(t, os.Stdout, *dir, *failures); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(1)
		}
		os.Exit(0) // before it says PASS, which would be of this program and not of a cache
	}}}, nil, nil)
}

func run(t *testing.T, w io.Writer, dir string, failures bool) error {
	t.Helper()
	cases, err := suite.All()
	if err != nil {
		return err
	}
	begun := time.Now()
	columns := play(t, cases, subjects)
	fmt.Fprintf(w, "%d cases on %d caches, in %.1f s. Passed:\n\n", len(cases), len(columns), time.Since(begun).Seconds())
	if err := report.Table(w, cases, columns); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, c := range columns {
		fmt.Fprintf(w, "%s: %s\n", c.Name, c.About)
	}
	for _, c := range columns {
		if failures {
			fmt.Fprintf(w, "\n%s fails:\n\n", c.Name)
			if err := report.Failures(w, cases, c); err != nil {
				return err
			}
		}
		if dir != "" {
			text, err := json.MarshalIndent(c.Results, "", "  ")
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, c.Name+".json"), append(text, '\n'), 0o644); err != nil {
				return err
			}
		}
	}
	var own bytes.Buffer
	if err := report.Failures(&own, cases, columns[0]); err != nil {
		return err
	}
	if own.Len() > 0 {
		return fmt.Errorf("%s fails cases:\n%s", columns[0].Name, own.String())
	}
	return nil
}

// play plays the cases on caches.
func play(t *testing.T, cases []script.Case, on []subject.Subject) (columns []report.Column) {
	t.Helper()
	for _, s := range on {
		columns = append(columns, report.Column{Name: s.Name(), About: s.About(), Results: report.Play(t, s, cases)})
	}
	return columns
}
