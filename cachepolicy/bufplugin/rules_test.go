package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"buf.build/go/bufplugin/check/checktest"

	"github.com/freshet-io/freshet/cachepolicy"
)

func TestSpec(t *testing.T) { checktest.SpecTest(t, spec()) }

// TestRules: each rule finds its own, where it stands.
func TestRules(t *testing.T) {
	at := func(line, column, endLine, endColumn int) *checktest.ExpectedFileLocation {
		return &checktest.ExpectedFileLocation{
			FileName: "shop.proto", StartLine: line - 1, StartColumn: column - 1, EndLine: endLine - 1, EndColumn: endColumn - 1,
		}
	}
	for _, tt := range []struct {
		rule string
		want []checktest.ExpectedAnnotation
	}{
		{cachepolicy.RulePolicy, []checktest.ExpectedAnnotation{
			{RuleID: cachepolicy.RulePolicy, FileLocation: at(18, 5, 18, 62), Message: `/shop.v1.Catalog/Peek: cache.groups[0]: template "product:{no}": field path "no": shop.v1.Product has no field "no"`},
			{RuleID: cachepolicy.RulePolicy, FileLocation: at(18, 5, 18, 62), Message: "/shop.v1.Catalog/Peek: cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file"},
		}},
		{cachepolicy.RuleGroups, []checktest.ExpectedAnnotation{
			{RuleID: cachepolicy.RuleGroups, FileLocation: at(22, 5, 22, 72), Message: `/shop.v1.Catalog/Update: invalidates.groups[0]: no cached reply of these files can be in the group "products:{id}"`},
		}},
		{cachepolicy.RuleInvalidates, []checktest.ExpectedAnnotation{
			{RuleID: cachepolicy.RuleInvalidates, FileLocation: at(24, 3, 24, 41), Message: "/shop.v1.Catalog/Delete: may have side effects and invalidates nothing, while replies of its service are cached in groups: annotate it with invalidates, or idempotency_level = NO_SIDE_EFFECTS"},
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			checktest.CheckTest{
				Request: &checktest.RequestSpec{
					Files:   &checktest.ProtoFileSpec{DirPaths: []string{"testdata", "../../proto"}, FilePaths: []string{"shop.proto"}},
					RuleIDs: []string{tt.rule},
				},
				Spec:                spec(),
				ExpectedAnnotations: tt.want,
			}.Run(t)
		})
	}
}

// TestBuf runs buf itself with the plugin.
func TestBuf(t *testing.T) {
	buf := os.Getenv("FRESHET_BUF")
	if buf == "" {
		if os.Getenv("FRESHET_CI") != "" {
			t.Fatal("FRESHET_BUF does not name a buf")
		}
		t.Skip("FRESHET_BUF does not name a buf to run")
	}
	dir := t.TempDir()
	plugin := filepath.Join(dir, "buf-plugin-freshet")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, ".").CombinedOutput(); err != nil {
		t.Fatalf("the plugin does not build: %v\n%s", err, out)
	}
	place(t, dir, "buf.yaml", "version: v2\nmodules: [{path: proto}]\nlint:\n  use: [FRESHET]\nplugins:\n  - plugin: "+plugin+"\n")
	place(t, dir, "proto/shop.proto", read(t, "testdata/shop.proto"))
	place(t, dir, "proto/freshet/v1/policy.proto", read(t, "../../proto/freshet/v1/policy.proto"))
	lint := exec.CommandContext(t.Context(), buf, "lint")
	lint.Dir = dir
	out, err := lint.CombinedOutput()
	if err == nil {
		t.Error("buf lint found nothing")
	}
	for _, want := range []string{
		`proto/shop.proto:18:5:/shop.v1.Catalog/Peek: cache.groups[0]: template "product:{no}": field path "no": shop.v1.Product has no field "no"`,
		`proto/shop.proto:22:5:/shop.v1.Catalog/Update: invalidates.groups[0]: no cached reply of these files can be in the group "products:{id}"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("buf lint does not print %q, but:\n%s", want, out)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func place(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
