package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func TestParseGroups(t *testing.T) {
	long := strings.Repeat("x", wire.MaxGroupBytes)
	for _, tt := range []struct {
		name   string
		values []string
		want   []string
		err    error
	}{
		{"none", nil, nil, nil},
		{"empty", []string{""}, nil, nil},
		{"strings", []string{`"product:1", "list"`}, []string{"product:1", "list"}, nil},
		{"two values", []string{`"b"`, `"a" , "b"`}, []string{"b", "a", "b"}, nil},
		{"parameters", []string{`"product:1";v=10, "list";soft;x="y"`}, []string{"product:1", "list"}, nil},
		{"escapes", []string{`"a\"b\\c, d"`}, []string{`a"b\c, d`}, nil},
		{"empty group", []string{`""`}, []string{""}, nil},
		{"byte sequence", []string{":w6k=:;v=1"}, []string{"é"}, nil},
		{"longest group", []string{`"` + long + `"`}, []string{long}, nil},
		{"token", []string{`"a", b`}, nil, wire.ErrMalformed},
		{"integer", []string{"1"}, nil, wire.ErrMalformed},
		{"boolean", []string{"?1"}, nil, wire.ErrMalformed},
		{"date", []string{"@1"}, nil, wire.ErrMalformed},
		{"display string", []string{`%"a"`}, nil, wire.ErrMalformed},
		{"inner list", []string{`("a" "b")`}, nil, wire.ErrMalformed},
		{"open quote", []string{`"a`}, nil, wire.ErrMalformed},
		{"trailing comma", []string{`"a",`}, nil, wire.ErrMalformed},
		{"no comma", []string{`"a" "b"`}, nil, wire.ErrMalformed},
		{"NUL", []string{"\"\x00\""}, nil, wire.ErrMalformed},
		{"non-ASCII", []string{`"é"`}, nil, wire.ErrMalformed},
		{"bad base64", []string{":a:"}, nil, wire.ErrMalformed},
		{"group too long", []string{`"` + long + `x"`}, nil, wire.ErrLimit},
		{"too many groups", []string{strings.Repeat(`"a", `, wire.MaxGroups) + `"a"`}, nil, wire.ErrLimit},
		{"field too long", []string{strings.Repeat(" ", wire.MaxGroupFieldBytes)}, nil, wire.ErrLimit},
		{"malformed and too many", []string{strings.Repeat(`"a", `, wire.MaxGroups) + `b`}, nil, wire.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.ParseGroups(tt.values)
			if !errors.Is(err, tt.err) {
				t.Fatalf("ParseGroups(%.60q) = error %v, want %v", tt.values, err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseGroups(%.60q) (-want +got):\n%s", tt.values, diff)
			}
		})
	}
}

func TestFormatGroups(t *testing.T) {
	for _, tt := range []struct {
		name string
		give []string
		want string
		err  error
	}{
		{"none", nil, "", nil},
		{"some", []string{"product:1", `a"b\c`, "", "é"}, `"product:1", "a\"b\\c", "", :w6k=:`, nil},
		{"too many", make([]string, wire.MaxGroups+1), "", wire.ErrLimit},
		{"too long", []string{strings.Repeat("x", wire.MaxGroupBytes+1)}, "", wire.ErrLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.FormatGroups(tt.give)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("FormatGroups = %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// The longest groups that FormatGroups accepts are read.
func TestGroupLimitsAgree(t *testing.T) {
	for _, fill := range []string{`\`, "\x00", "x"} {
		groups := make([]string, wire.MaxGroups)
		for i := range groups {
			groups[i] = strings.Repeat(fill, wire.MaxGroupBytes)
		}
		text, err := wire.FormatGroups(groups)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseGroups([]string{text})
		if err != nil {
			t.Errorf("%d bytes of %q: %v", len(text), fill, err)
		}
		if diff := cmp.Diff(groups, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", fill, diff)
		}
	}
}

func TestGroupsRoundTrip(t *testing.T) {
	group := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 0, wire.MaxGroupBytes).Draw(t, "bytes"))
	})
	text := rapid.StringOfN(rapid.RuneFrom([]rune(`ab:/,;" \`)), 0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.OneOf(group, text), 1, wire.MaxGroups).Draw(t, "groups")
		value, err := wire.FormatGroups(groups)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseGroups([]string{value})
		if err != nil {
			t.Fatalf("ParseGroups(%q): %v", value, err)
		}
		if diff := cmp.Diff(groups, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
