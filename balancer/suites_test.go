package balancer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is what SUITES.md says of one of gRPC's tests.
type row struct {
	line         int
	theirs       string
	ours         []string
	reason       string
	file         string
	fileIsInPart bool
}

var (
	heading = regexp.MustCompile("^## `([^`]+)`(, in part)?$")
	name    = regexp.MustCompile("`([^`]+)`")
	nothing = "—"
)

// rows reads SUITES.md.
func rows(t *testing.T) (all []row) {
	t.Helper()
	text, err := os.ReadFile("SUITES.md")
	if err != nil {
		t.Fatal(err)
	}
	var r row
	for i, line := range strings.Split(string(text), "\n") {
		r.line = i + 1
		if h := heading.FindStringSubmatch(line); h != nil {
			r.file, r.fileIsInPart = h[1], h[2] != ""
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		r.theirs, r.ours, r.reason = strings.Trim(cells[1], " `"), nil, strings.TrimSpace(cells[3])
		for _, n := range name.FindAllStringSubmatch(cells[2], -1) {
			r.ours = append(r.ours, n[1])
		}
		switch {
		case len(r.ours) == 0 && (strings.TrimSpace(cells[2]) != nothing || r.reason == ""):
			t.Errorf("SUITES.md:%d: %s has neither a test here nor %q and a reason", r.line, r.theirs, nothing)
		case len(r.ours) > 0 && strings.Contains(cells[2], nothing):
			t.Errorf("SUITES.md:%d: %s has tests here and %q", r.line, r.theirs, nothing)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatal("SUITES.md has no tables")
	}
	return all
}

// testsIn are the names of all tests in a file, those with a receiver too, as gRPC has them
// beside a Test that runs them.
func testsIn(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "Test" && len(f.Type.Params.List) == 1 {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// TestSuites holds SUITES.md against the tests that there are, here and in the version of gRPC
// that go.mod requires.
func TestSuites(t *testing.T) {
	all := rows(t)
	here := make(map[string][]string)
	for _, r := range all {
		for _, ours := range r.ours {
			dir, test := path.Split(ours)
			if pkg, of, ok := strings.Cut(test, "."); ok {
				dir, test = dir+pkg, of
			}
			if _, known := here[dir]; !known {
				files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
				if err != nil {
					t.Fatal(err)
				}
				here[dir] = nil
				for _, f := range files {
					here[dir] = append(here[dir], testsIn(t, f)...)
				}
			}
			if !slices.Contains(here[dir], test) {
				t.Errorf("SUITES.md:%d: there is no %s", r.line, ours)
			}
		}
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/grpc").Output()
	grpc := strings.TrimSpace(string(out))
	if err != nil || grpc == "" {
		t.Skipf("where gRPC's source is cannot be told (%v): whether SUITES.md lists all of its tests remains open", err)
	}
	listed := make(map[string][]string)
	for _, r := range all {
		if slices.Contains(listed[r.file], r.theirs) {
			t.Errorf("SUITES.md:%d: %s is listed twice", r.line, r.theirs)
		}
		listed[r.file] = append(listed[r.file], r.theirs)
	}
	for _, r := range all {
		if listed[r.file] == nil {
			continue // held already
		}
		theirs := testsIn(t, filepath.Join(grpc, filepath.FromSlash(r.file)))
		for _, n := range listed[r.file] {
			if !slices.Contains(theirs, n) {
				t.Errorf("SUITES.md: gRPC's %s has no %s", r.file, n)
			}
		}
		for _, n := range theirs {
			if !r.fileIsInPart && !slices.Contains(listed[r.file], n) {
				t.Errorf("SUITES.md does not list %s of gRPC's %s", n, r.file)
			}
		}
		listed[r.file] = nil
	}
}
