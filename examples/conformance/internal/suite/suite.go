// Package suite is the conformance cases: those of the reference list, and
// freshet's own. The files beside it are data, in the language of package
// script; what needs a Go function has one here.
package suite

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

//go:embed *.yaml
var files embed.FS

// Later are the cases of the reference list that need an invalidation log, which
// is not there yet. They are not played.
var Later = []string{"I18", "I19", "I20", "L03"}

// All returns every case, in the order of the files and within them.
func All() ([]script.Case, error) {
	dir, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []script.Case
	var errs []error
	for _, f := range dir {
		data, err := files.ReadFile(f.Name())
		if err != nil {
			return nil, err
		}
		cases, err := script.Load(f.Name(), data)
		errs = append(errs, err)
		for i := range cases {
			_, section, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".yaml"), "_")
			cases[i].Section = section
		}
		all = append(all, cases...)
	}
	errs = append(errs, check(all))
	return all, errors.Join(errs...)
}

// check finds what a single case does not show.
func check(all []script.Case) error {
	known := map[string]bool{}
	var errs []error
	for _, c := range all {
		if known[c.ID] {
			errs = append(errs, fmt.Errorf("case %s is there twice", c.ID))
		}
		known[c.ID] = true
	}
	for _, c := range all {
		for _, d := range c.DependsOn {
			if !known[d] {
				errs = append(errs, fmt.Errorf("case %s depends on %s, which is not there", c.ID, d))
			}
		}
		if c.Func != "" && funcs[c.Func] == nil {
			errs = append(errs, fmt.Errorf("case %s names the function %s, which is not there", c.ID, c.Func))
		}
		if slices.Contains(Later, c.ID) {
			errs = append(errs, fmt.Errorf("case %s is listed as one for later", c.ID))
		}
	}
	return errors.Join(errs...)
}

// Play plays a case on a cache and returns what is wrong, as a [*stage.Fault], or
// nil.
func Play(t *testing.T, s subject.Subject, c *script.Case) error {
	t.Helper()
	if c.Func != "" {
		return funcs[c.Func](t, s, c)
	}
	return stage.Play(t, s, c)
}
