package contract_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command is a form of command line that README may show, and how it is known to
// work.
type command struct {
	form  string                         // a regular expression for the whole line
	check func(arguments []string) error // of what the form's groups matched
}

var commands = []command{
	{`go test \./\.\.\.`, nil},       // this very run
	{`go test -race \./\.\.\.`, nil}, // a step of .ci/run
	{`bash \.ci/run`, func([]string) error { return exists(".ci/run") }},
	{`git clone https://(\S+)`, isModule},
	{`cd freshet`, nil}, // what the clone makes
	{`go get (\S+?)(?:@latest)?`, isModule},
	{`mkdir -p third_party/freshet/v1`, nil}, // for the next
	{`cp "\$\(go list -m -f '\{\{\.Dir\}\}' (\S+)\)/(\S+)" third_party/freshet/v1`, copiesSchema},
	{`make(?: ([a-z]+))?`, isTarget},
	// That it ends with exit code 0 is a step of .ci/run; building it here is
	// cheap after that step, and asking for its flags is quick.
	{`go run (\./examples/\S+)((?: -\S+(?: [^-\s]\S*)?)*)`, takesFlags},
	{`go (?:test|vet|build)(?: -\S+)* (\./\S+)`, hasPackages},
}

// TestREADMECommandsWork checks every command of README, and refuses one that
// it cannot check.
func TestREADMECommandsWork(t *testing.T) {
	blocks := blocksOf(readme(t), "sh", "shell", "bash", "console")
	if len(blocks) == 0 {
		t.Fatal("README.md shows no command: it must say how to run the example and the tests")
	}
	for _, b := range blocks {
		for _, line := range commandsOf(b) {
			if err := checkCommand(line); err != nil {
				t.Errorf("README.md, the block in line %d: %q: %v", b.line, line, err)
			}
		}
	}
}

func checkCommand(line string) error {
	for _, c := range commands {
		m := regexp.MustCompile(`^(?:` + c.form + `)$`).FindStringSubmatch(line)
		switch {
		case m == nil:
			continue
		case c.check == nil:
			return nil
		default:
			return c.check(m[1:])
		}
	}
	return errors.New("not a form of command that commands_test.go can check: teach it, or show another")
}

func exists(path string) error {
	_, err := os.Stat(filepath.Join(root, path))
	return err
}

func isModule(args []string) error {
	if got := strings.TrimSuffix(args[0], ".git"); got != module {
		return fmt.Errorf("must name %s, got %s", module, got)
	}
	return nil
}

// copiesSchema checks that the copy is found under the name that protos import.
func copiesSchema(args []string) error {
	if want := "proto/freshet/v1/policy.proto"; args[1] != want {
		return fmt.Errorf("must copy %s, got %s", want, args[1])
	}
	return errors.Join(isModule(args[:1]), exists(args[1]))
}

func isTarget(args []string) error {
	if args[0] == "" {
		return nil // help
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return err
	}
	if !regexp.MustCompile(`(?m)^` + args[0] + `:`).Match(makefile) {
		return fmt.Errorf("the Makefile has no target %s", args[0])
	}
	return nil
}

func hasPackages(args []string) error {
	cmd := exec.Command("go", "list", args[0])
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err == nil && !strings.HasPrefix(string(out), module) {
		return fmt.Errorf("%s names no package", args[0])
	}
	return err
}

// takesFlags runs a command under examples/ with -help and looks for the flags
// that README gives it.
func takesFlags(args []string) error {
	cmd := exec.Command("go", "run", args[0], "-help")
	cmd.Dir = root
	usage, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	if !bytes.Contains(usage, []byte("Usage of")) {
		return fmt.Errorf("with -help it prints no usage but:\n%s", usage)
	}
	for _, flag := range regexp.MustCompile(`-([a-z][a-z-]*)`).FindAllStringSubmatch(args[1], -1) {
		if !regexp.MustCompile(`(?m)^\s+-` + flag[1] + `\b`).Match(usage) {
			return fmt.Errorf("it has no flag -%s; its usage is:\n%s", flag[1], usage)
		}
	}
	return nil
}

// What is refused, without README.
func TestREADMECommandsAreSeen(t *testing.T) {
	for _, tt := range []struct {
		line, fault string // "" for none
	}{
		{"go test ./...", ""},
		{"go vet ./resolver/...", ""},
		{"make", ""},
		{"make test", ""},
		{"make coffee", "no target coffee"},
		{"go get " + module, ""},
		{"go get " + module + "@latest", ""},
		{"go get example.com/other", "must name " + module},
		{"git clone https://" + module + ".git", ""},
		{"go test ./nowhere", "exit status"},
		{`cp "$(go list -m -f '{{.Dir}}' ` + module + `)/proto/freshet/v1/other.proto" third_party/freshet/v1`, "must copy"},
		{"curl https://example.com", "not a form of command"},
		{"go test ./... && rm -rf /", "not a form of command"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			err := checkCommand(tt.line)
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("got %v, want %q", err, tt.fault)
			}
		})
	}
}
