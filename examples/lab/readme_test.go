package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestREADME: each command that the lab's README shows has flags that make sense, and the pictures
// that it shows are there.
func TestREADME(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "go run ./examples/lab")
		if !ok {
			continue
		}
		n++
		args, _, _ = strings.Cut(args, " # ")
		var words []string
		for _, w := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(args, -1) {
			words = append(words, strings.Trim(w, `"'`))
		}
		if _, err := parse(words, io.Discard); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if n < 4 {
		t.Errorf("README shows %d commands, want one for each way to run the lab", n)
	}
	for _, m := range regexp.MustCompile(`!\[[^]]*\]\(([^)]+)\)`).FindAllStringSubmatch(string(content), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
}
