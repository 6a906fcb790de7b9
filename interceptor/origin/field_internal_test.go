package origin

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// drawGroups draws groups, of few names or of any.
func drawGroups(t *rapid.T) []wire.Group {
	name := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", `"`, `\`, "*"}), rapid.String(), rapid.StringN(0, 40, 300))
	if rapid.Bool().Draw(t, "few names") {
		name = rapid.SampledFrom([]string{"a", "b", "ü"})
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wire.Group {
		return wire.Group{
			Name:    name.Draw(t, "name"),
			Version: rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Uint64Range(0, wire.MaxVersion)).Draw(t, "version"),
			Soft:    rapid.Bool().Draw(t, "soft"),
		}
	}), 0, 200).Draw(t, "groups")
}

// readBack checks a field's limits, and returns what readers read: nothing of a
// field that has failed, which none does that has room for all it was given.
func readBack(t *rapid.T, f *field, given []wire.Group) (read []wire.Group, told bool) {
	seen, bytes, tooLong := map[string]bool{}, 0, false
	for _, g := range given {
		text, err := wire.FormatGroupList([]wire.Group{g})
		if tooLong = tooLong || err != nil; !seen[text] {
			seen[text] = true
			bytes += len(text) + 2
		}
	}
	if f.err != nil {
		if !tooLong && len(seen) <= wire.MaxGroups && bytes <= maxFieldBytes {
			t.Fatalf("%d groups of %d bytes: %v", len(seen), bytes, f.err)
		}
		if f.text() != "" {
			t.Fatalf("a failed field has a text: %s", f.text())
		}
		return nil, false
	}
	if n := len(f.text()); tooLong || n > maxFieldBytes || n > f.bytes {
		t.Fatalf("got %d bytes, counted as %d, want at most %d, and that too long a group fails: %v", n, f.bytes, maxFieldBytes, tooLong)
	}
	read, err := wire.ParseGroupList([]string{f.text()})
	if err != nil {
		t.Fatal(err)
	}
	return read, true
}

// A field of groups that a reply belongs to is read back as each group once, in
// its least version, or has failed.
func TestBelongsReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := drawGroups(t)
		var f field
		want := map[string]uint64{}
		for i := range given {
			given[i].Soft = false
			g := given[i]
			f.join(g, own)
			if v, ok := want[g.Name]; !ok || v == 0 || g.Version != 0 && g.Version < v {
				want[g.Name] = g.Version
			}
		}
		read, told := readBack(t, &f, given)
		if !told {
			return
		}
		got := map[string]uint64{}
		for _, g := range read {
			got[g.Name] = g.Version
		}
		if len(read) != len(got) || !maps.Equal(got, want) {
			t.Fatalf("got %v, want %v", read, want)
		}
	})
}

// A field of groups that are untrue says of every reply what the groups that it
// was given say one by one, or has failed.
func TestUntrueReadsBack(t *testing.T) {
	// fate is what becomes of a reply of version v in a group; 0: it has none.
	fate := func(groups []wire.Group, name string, v uint64) string {
		out := "true"
		for _, g := range groups {
			switch {
			case g.Name != name || g.Version != 0 && v >= g.Version:
			case !g.Soft:
				return "untrue"
			default:
				out = "stale"
			}
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		given := drawGroups(t)
		var f field
		for _, g := range given {
			f.breaks(g)
		}
		read, told := readBack(t, &f, given)
		if !told {
			return
		}
		for _, of := range given {
			for _, v := range []uint64{0, 1, 2, 3, 4, 5, of.Version, of.Version + 1, max(of.Version, 1) - 1} {
				if got, want := fate(read, of.Name, v), fate(given, of.Name, v); got != want {
					t.Fatalf("version %d of %q is %s by %s, want %s", v, of.Name, got, f.text(), want)
				}
			}
		}
		if len(read) > 2*len(slices.Compact(slices.Sorted(func(yield func(string) bool) {
			for _, g := range given {
				if !yield(g.Name) {
					return
				}
			}
		}))) {
			t.Fatalf("a group is in it more than twice: %s", f.text())
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
