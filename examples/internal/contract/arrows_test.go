package contract_test

import (
	"slices"
	"strings"
	"testing"
)

// TestArrows holds the table in both directions: every package of the library
// has a row and imports nothing else, and every row has a package.
func TestArrows(t *testing.T) {
	all := listPackages(t)
	used := map[string]bool{}
	for _, p := range all {
		path, ok := p.local()
		if !ok || match("examples/...", path) {
			continue
		}
		r, ok := rowOf(path)
		if !ok {
			t.Errorf("%s has no row in the table: say there what it may import", path)
			continue
		}
		used[r.packages] = true
		for _, fault := range r.faults(path, p.Imports, func(i string) bool { return all[i].Standard }) {
			t.Error(fault)
		}
	}
	for _, r := range arrows {
		if !used[r.packages] {
			t.Errorf("no package has the row %q of the table: take it out", r.packages)
		}
	}
}

// TestArrowsHaveWalls holds what must not be reached by any number of steps.
func TestArrowsHaveWalls(t *testing.T) {
	for _, p := range listPackages(t) {
		path, ok := p.local()
		if !ok || match("examples/...", path) {
			continue
		}
		for _, fault := range wallFaults(path, p.Deps) {
			t.Error(fault)
		}
	}
}

func rowOf(path string) (row, bool) {
	i := slices.IndexFunc(arrows, func(r row) bool { return match(r.packages, path) })
	if i < 0 {
		return row{}, false
	}
	return arrows[i], true
}

// faults returns a sentence for each import that the row does not allow.
func (r row) faults(path string, imports []string, standard func(string) bool) []string {
	allowed := func(i string) bool {
		if own, ok := strings.CutPrefix(i, module+"/"); ok {
			return slices.ContainsFunc(r.own, func(pattern string) bool { return match(pattern, own) })
		}
		return slices.ContainsFunc(slices.Concat(r.others...), func(pattern string) bool { return match(pattern, i) })
	}
	var out []string
	for _, i := range imports {
		if !standard(i) && !allowed(i) {
			out = append(out, path+" imports "+i+", which its row of the table does not allow")
		}
	}
	return out
}

func wallFaults(path string, deps []string) []string {
	var out []string
	for _, w := range walls {
		if w.packages != "..." && !match(w.packages, path) {
			continue
		}
		forbidden := func(dep string) bool {
			return slices.ContainsFunc(w.not, func(pattern string) bool { return match(pattern, dep) })
		}
		if i := slices.IndexFunc(deps, forbidden); i >= 0 { // what that one needs is not told as well
			out = append(out, path+" reaches "+deps[i]+": "+w.reason)
		}
	}
	return out
}

// The checks themselves, on packages that do not exist.
func TestArrowsAreSeen(t *testing.T) {
	standard := func(i string) bool { return !strings.Contains(i, ".") }
	for _, tt := range []struct {
		name, path string
		imports    []string
		fault      string // "" for none
	}{
		{"standard library", "cachepolicy/wire", []string{"time"}, ""},
		{"own subtree", "cachepolicy", []string{module + "/cachepolicy/wire"}, ""},
		{"upwards", "cachepolicy", []string{module + "/interceptor/cache"}, "cachepolicy imports " + module + "/interceptor/cache"},
		{"sideways", "balancer", []string{module + "/cachepolicy"}, "balancer imports " + module + "/cachepolicy"},
		{"transport in the rules", "cachepolicy/wire", []string{"google.golang.org/grpc/codes"}, "imports google.golang.org/grpc/codes"},
		{"the SDK", "interceptor/cache", []string{"go.opentelemetry.io/otel/sdk/trace"}, "imports go.opentelemetry.io/otel/sdk/trace"},
		{"a name that only begins alike", "balancer", []string{"google.golang.org/grpcx"}, "imports google.golang.org/grpcx"},
		{"two, of which one", "interceptor/store", []string{"sync", "github.com/allegro/bigcache/v3"}, "imports github.com/allegro/bigcache/v3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, ok := rowOf(tt.path)
			if !ok {
				t.Fatalf("%s has no row", tt.path)
			}
			got := strings.Join(r.faults(tt.path, tt.imports, standard), "\n")
			if tt.fault == "" && got != "" || !strings.Contains(got, tt.fault) {
				t.Errorf("got %q, want %q in it", got, tt.fault)
			}
		})
	}
	if _, ok := rowOf("util"); ok {
		t.Error("a new package at the top has a row")
	}
	if got := wallFaults("balancer/loadreport", []string{"fmt", module + "/proto/freshet/v1"}); len(got) != 1 {
		t.Errorf("a wall crossed by one package: got %q, want one fault", got)
	}
}
