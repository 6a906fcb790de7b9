package script_test

import (
	"strings"
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
)

// TestLoadRefuses plays the loader on what would otherwise be a case that asks less than it says.
func TestLoadRefuses(t *testing.T) {
	const whole = "{id: x, tier: 1, level: must, from: f, says: s, steps: [{want: miss}]}"
	if _, err := script.Load("whole", []byte("["+whole+"]")); err != nil {
		t.Fatalf("a case that is whole is refused: %v", err)
	}
	for name, text := range map[string]string{
		"unknown field":          strings.Replace(whole, "tier", "teir", 1),
		"unknown field of step":  strings.Replace(whole, "want: miss", "wants: miss", 1),
		"unknown field of reply": strings.Replace(whole, "want: miss", "want: miss, origin: {heder: []}", 1),
		"unknown want":           strings.Replace(whole, "want: miss", "want: mis", 1),
		"no tier":                strings.Replace(whole, "tier: 1, ", "", 1),
		"unknown level":          strings.Replace(whole, "must", "may", 1),
		"no steps":               strings.Replace(whole, ", steps: [{want: miss}]", "", 1),
		"error without code":     strings.Replace(whole, "want: miss", "want: err", 1),
		"code without error":     strings.Replace(whole, "want: miss", "want: miss, code: OK", 1),
		"call without want":      strings.Replace(whole, "want: miss", "call: Touch", 1),
		"join without want":      strings.Replace(whole, "want: miss", "join: a", 1),
		"go with want":           strings.Replace(whole, "want: miss", "go: a, want: miss", 1),
	} {
		if _, err := script.Load(name, []byte("["+text+"]")); err == nil {
			t.Errorf("%s: is not refused: %s", name, text)
		}
	}
}

// TestFor plays each value in place of its name, and leaves what is not said unsaid.
func TestFor(t *testing.T) {
	cases, err := script.Load("each", []byte(`
- {id: x, tier: 1, level: must, from: f, says: s, each: [a, b], origin: {header: ["x: ${each}"]}, steps: [{want: miss}, {want: miss, origin: []}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cases[0].For()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Origin[0].Header[0] != "x: a" || got[1].Origin[0].Header[0] != "x: b" {
		t.Fatalf("got %+v, want the case with a and with b", got)
	}
	for _, c := range got {
		if c.Steps[0].Origin != nil {
			t.Error("a step that says nothing of the origin sets it")
		}
		if c.Steps[1].Origin == nil {
			t.Error("a step that empties the origin's answers leaves them")
		}
	}
}
