package contract_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fenced returns the blocks of a Markdown text that stand between lines of three
// backticks.
func fenced(text string) ([]block, error) {
	var blocks []block
	var open *block
	n := 0
	for line := range strings.Lines(text) {
		n++
		language, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && open == nil:
			open = &block{language: strings.TrimSpace(language), line: n + 1}
		case fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		return nil, errors.New("line " + strconv.Itoa(open.line-1) + ": the block does not end")
	}
	return blocks, nil
}

// commandsOf returns the command lines of a block: in a console block those
// after a "$ ", the others being output, elsewhere all but comments. A backslash
// at the end joins a line with the next.
func commandsOf(b block) []string {
	var out []string
	var joined string
	for line := range strings.Lines(b.text) {
		line = strings.TrimSpace(line)
		if joined == "" {
			if b.language == "console" {
				var prompt bool
				if line, prompt = strings.CutPrefix(line, "$ "); !prompt {
					continue
				}
			}
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
		}
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			joined += strings.TrimSpace(rest) + " "
			continue
		}
		line, _, _ = strings.Cut(joined+line, " #")
		out = append(out, strings.TrimSpace(line))
		joined = ""
	}
	return out
}

func TestMarkdown(t *testing.T) {
	const text = "# t\n```console\n$ go test ./... # all\nok\n$ go run ./x \\\n  -n 1\nout\n```\ntext\n``` sh\n# comment\n\nmake help\n```\n"
	blocks, err := fenced(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []block{
		{language: "console", line: 3, text: "$ go test ./... # all\nok\n$ go run ./x \\\n  -n 1\nout\n"},
		{language: "sh", line: 11, text: "# comment\n\nmake help\n"},
	}
	if diff := cmp.Diff(want, blocks, cmp.AllowUnexported(block{})); diff != "" {
		t.Errorf("blocks, -want +got:\n%s", diff)
	}
	var commands []string
	for _, b := range blocks {
		commands = append(commands, commandsOf(b)...)
	}
	if diff := cmp.Diff([]string{"go test ./...", "go run ./x -n 1", "make help"}, commands); diff != "" {
		t.Errorf("commands, -want +got:\n%s", diff)
	}
	if _, err := fenced("```go\n"); err == nil {
		t.Error("a block without an end: got no error")
	}
}
