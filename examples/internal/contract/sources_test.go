package contract_test

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxLines     = 400
	maxTestLines = 600
)

// generated is the line that says so (https://go.dev/s/generatedcode).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestFilesAreShort(t *testing.T) {
	walk(t, func(p string, content []byte) {
		if path.Ext(p) != ".go" || generated.Match(content) {
			return
		}
		limit := maxLines
		if strings.HasSuffix(p, "_test.go") {
			limit = maxTestLines
		}
		if lines := bytes.Count(content, []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines, at most %d: split it by concept", p, lines, limit)
		}
	})
}

// A package's comment is its chapter, and begins as go doc wants it. Code that is
// generated is documented in its .proto, which then begins with a comment.
func TestPackagesHaveComments(t *testing.T) {
	packages := map[string]documented{}
	walk(t, func(p string, content []byte) {
		dir := path.Dir(p)
		switch {
		case path.Ext(p) == ".proto":
			d := packages[dir]
			d.proto = d.proto || bytes.HasPrefix(content, []byte("// "))
			packages[dir] = d
		case path.Ext(p) == ".go" && !strings.HasSuffix(p, "_test.go"):
			d := packages[dir]
			if err := d.add(p, content); err != nil {
				t.Error(err)
			}
			packages[dir] = d
		}
	})
	for dir, d := range packages {
		want := "Package " + d.name + " "
		if d.name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if (d.written || !d.proto) && !strings.HasPrefix(d.comment, want) {
			t.Errorf("%s: the package's comment must begin with %q, got %.40q", dir, want, d.comment)
		}
	}
}

type documented struct {
	name, comment string
	written       bool // has a file that is not generated
	proto         bool // has a .proto that begins with a comment
}

func (d *documented) add(p string, content []byte) error {
	f, err := parser.ParseFile(token.NewFileSet(), p, content, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	d.name = f.Name.Name
	if generated.Match(content) {
		return nil
	}
	d.written = true
	if f.Doc != nil {
		if d.comment != "" {
			return errors.New(p + ": the package has a comment in two files")
		}
		d.comment = f.Doc.Text()
	}
	return nil
}

// What is in the tree is finished.
func TestNothingIsUnfinished(t *testing.T) {
	marks := regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"}, "|") + `)\b`)
	kinds := []string{".go", ".proto", ".md", ".yaml", ".yml", ".json"}
	walk(t, func(p string, content []byte) {
		if !slices.Contains(kinds, path.Ext(p)) && path.Base(p) != "Makefile" && path.Dir(p) != ".ci" || generated.Match(content) {
			return
		}
		for i, line := range strings.Split(string(content), "\n") {
			if mark := marks.FindString(line); mark != "" {
				t.Errorf("%s:%d: %s: finish it, or take it out", p, i+1, mark)
			}
		}
	})
}

// go.mod asks for the Go that grpc asks for, and no newer: who is on an older
// patch release is not locked out.
func TestGoVersion(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^(go|toolchain) (\S+)`).FindAllString(string(content), -1)
	if !slices.Equal(version, []string{"go 1.26.0"}) {
		t.Errorf("go.mod has %q, want only %q", version, "go 1.26.0")
	}
	if replaced := regexp.MustCompile(`(?m)^(replace|exclude)\b.*`).FindAllString(string(content), -1); len(replaced) > 0 {
		t.Errorf("go.mod has %q, which holds for nobody who imports the module", replaced)
	}
}

// The top level is fixed: a reader learns it once. Files that git ignores may lie
// there, so that of files only Go sources are refused: there is no root package.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{"balancer", "cachepolicy", "examples", "interceptor", "proto", "resolver"}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() && !strings.HasPrefix(name, ".") && !slices.Contains(folders, name) {
			t.Errorf("the folder %s stands at the top level, which has only: %s", name, strings.Join(folders, ", "))
		}
		if path.Ext(name) == ".go" {
			t.Errorf("%s stands at the top level: there is no root package", name)
		}
	}
	files := []string{"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "go.mod", "go.sum"}
	for _, name := range slices.Concat(folders, files) {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("the top level lacks %s: %v", name, err)
		}
	}
}
