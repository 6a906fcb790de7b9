package origin

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// A field is read back as the set of the groups that were added, or has failed,
// and does not fail without a limit broken.
func TestFieldReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := rapid.OneOf(rapid.String(), rapid.StringN(0, 40, 300), rapid.SampledFrom([]string{"", "a", "b", `"`, `\`, "*"}))
		lists := rapid.SliceOfN(rapid.SliceOfN(group, 0, 60), 0, 6).Draw(t, "lists")
		var whole, inTwo, half field
		for i, l := range lists {
			whole.add(l)
			if i%2 == 0 {
				inTwo.add(l)
			} else {
				half.add(l)
			}
		}
		inTwo.merge(&half)

		all := slices.Concat(lists...)
		slices.Sort(all)
		all = slices.Compact(all)
		bytes, tooLong := 0, false
		for _, g := range all {
			tooLong = tooLong || len(g) > wire.MaxGroupBytes
			text, _ := wire.FormatGroups([]string{g})
			bytes += len(text) + 2
		}
		broken := tooLong || len(all) > wire.MaxGroups || bytes > maxFieldBytes

		for name, f := range map[string]*field{"whole": &whole, "in two": &inTwo} {
			if (f.err != nil) != broken {
				t.Fatalf("%s: got error %v for %d groups of %d bytes, too long: %v", name, f.err, len(all), bytes, tooLong)
			}
			if broken {
				if f.text() != "" {
					t.Fatalf("%s: a failed field has a text: %s", name, f.text())
				}
				continue
			}
			if n := len(f.text()); n > maxFieldBytes {
				t.Fatalf("%s: got %d bytes, want at most %d", name, n, maxFieldBytes)
			}
			got, err := wire.ParseGroups([]string{f.text()})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if !slices.Equal(got, all) {
				t.Fatalf("%s: got %q, want %q", name, got, all)
			}
		}
	})
}

// What is accepted of a handler is read back as the same directives.
func FuzzDirectives(f *testing.F) {
	for _, seed := range []string{
		"", ",", "no-store", "max-age=5, private", `no-cache="a, b", max-age="7"`, `private="x\"y"`,
		`stale-while-revalidate="\3\0"`, "IMMUTABLE,no-transform", "max-age=99999999999999999999", `a="`, `"`, `=\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDirectives(text)
		if err != nil || d == nil {
			return
		}
		said := d.text(d.heeded)
		for _, b := range []byte(said) {
			if b < ' ' || b > '~' {
				t.Fatalf("%q is sent as %q, which metadata cannot hold", text, said)
			}
		}
		again, err := parseDirectives(said)
		if err != nil {
			t.Fatalf("%q is sent as %q: %v", text, said, err)
		}
		if said != "" && again.text(again.heeded) != said {
			t.Fatalf("%q is sent as %q, which is read as %q", text, said, again.text(again.heeded))
		}
		want, _ := wire.ParseResponse([]string{text})
		got, err := wire.ParseResponse([]string{said})
		if err != nil || got.String() != want.String() {
			t.Fatalf("%q: got %q (%v), want %q", text, got, err, want)
		}
	})
}
