package contract_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet-io/freshet/cachepolicy"
	_ "github.com/freshet-io/freshet/proto/freshet/test/v1" // the methods of README's policy file
)

// block is a fenced block of README.
type block struct {
	language string
	line     int // of its first line
	text     string
}

// readme returns README's fenced blocks.
func readme(t *testing.T) []block {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatalf("README.md is what these tests read: %v", err)
	}
	blocks, err := fenced(string(content))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	return blocks
}

func blocksOf(blocks []block, languages ...string) []block {
	var out []block
	for _, b := range blocks {
		for _, l := range languages {
			if b.language == l {
				out = append(out, b)
			}
		}
	}
	return out
}

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

// TestREADMEGoCompiles compiles every Go block of README as a package of this
// module, so that each is a whole file that a reader can copy. The blocks are
// laid over the tree and never written into it.
func TestREADMEGoCompiles(t *testing.T) {
	blocks := blocksOf(readme(t), "go")
	if len(blocks) == 0 {
		t.Fatal("README.md has no Go block: it must show a client")
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{Replace: map[string]string{}}
	args := []string{"build", "-overlay", filepath.Join(dir, "overlay.json")}
	for _, b := range blocks {
		name := "readme" + strconv.Itoa(b.line)
		if !packageClause.MatchString(b.text) {
			t.Errorf("README.md:%d: a Go block must be a whole file with a package clause", b.line)
			continue
		}
		// Not a command, since nothing shall be linked. A line comment makes the
		// compiler's positions README's.
		source := "//line README.md:" + strconv.Itoa(b.line) + "\n" + packageClause.ReplaceAllLiteralString(b.text, "package "+name)
		file := filepath.Join(dir, name+".go")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		here, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(here, "readme.go")] = file
		args = append(args, "./"+name)
	}
	content, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("the Go blocks of README.md do not compile: %v\n%s", err, out)
	}
}

// TestREADMEPolicyFilesParse compiles README's policy files.
func TestREADMEPolicyFilesParse(t *testing.T) {
	for _, b := range blocksOf(readme(t), "yaml", "json") {
		if !strings.HasPrefix(b.text, "methods:") && !strings.Contains(b.text, `"methods"`) {
			continue
		}
		if _, err := cachepolicy.Parse("README.md, the block in line "+strconv.Itoa(b.line), []byte(b.text)); err != nil {
			t.Error(err)
		}
	}
}
