package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

var equal = cmp.AllowUnexported(wire.Optional[time.Duration]{}, wire.Optional[int]{}, wire.Optional[bool]{})

func TestParseResponse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   wire.Response
	}{
		{"no values", nil, wire.Response{}},
		{"empty values and members", []string{"", " \t", ", ,,"}, wire.Response{}},
		{"max-age", []string{"max-age=60"}, wire.Response{MaxAge: sec(60)}},
		{"case does not matter", []string{"MaX-aGe=3600, nO-StOrE"}, wire.Response{MaxAge: sec(3600), NoStore: true}},
		{"no space", []string{"private,max-age=5"}, wire.Response{Private: true, MaxAge: sec(5)}},
		{"tabs", []string{"\tprivate\t,\tmax-age=5\t"}, wire.Response{Private: true, MaxAge: sec(5)}},
		{"leading zeros", []string{"max-age=0003600"}, wire.Response{MaxAge: sec(3600)}},
		{"quoted number", []string{`max-age="60"`}, wire.Response{MaxAge: sec(60)}},
		{"quoted number with an escape", []string{`max-age="6\0"`}, wire.Response{MaxAge: sec(60)}},
		{"two values are one list", []string{"max-age=1", "s-maxage=3600"}, wire.Response{MaxAge: sec(1), SMaxAge: sec(3600)}},
		{"smallest first", []string{"max-age=1, max-age=3600"}, wire.Response{MaxAge: sec(1)}},
		{"smallest last", []string{"max-age=3600, max-age=1"}, wire.Response{MaxAge: sec(1)}},
		{"smallest in another value", []string{"max-age=3600", "max-age=1"}, wire.Response{MaxAge: sec(1)}},
		{"directive within a quoted argument", []string{`ext="x, max-age=3600", max-age=1`}, wire.Response{MaxAge: sec(1)}},
		{"the same, reversed", []string{`max-age=1, ext="x, max-age=3600"`}, wire.Response{MaxAge: sec(1)}},
		{"escaped quote within an argument", []string{`ext="\", no-store, \\", max-age=1`}, wire.Response{MaxAge: sec(1)}},
		{"unknown directives", []string{"immutable, foo=bar, max-age=1, baz=\"a\""}, wire.Response{MaxAge: sec(1)}},
		{"conflict", []string{"no-cache, max-age=3600"}, wire.Response{NoCache: true, MaxAge: sec(3600)}},
		{"private beats public", []string{"public, private"}, wire.Response{Private: true}},
		{"qualified private", []string{`private="x"`}, wire.Response{Private: true}},
		{"restriction with an argument", []string{"no-store=1, must-revalidate=x"}, wire.Response{NoStore: true, MustRevalidate: true}},
		{"permission with an argument", []string{"public=1"}, wire.Response{}},
		{
			"all words",
			[]string{"public, must-revalidate, proxy-revalidate, stale-if-error=9"},
			wire.Response{Public: true, MustRevalidate: true, ProxyRevalidate: true, StaleIfError: sec(9)},
		},
		{"qualified no-cache", []string{`no-cache="X-User, a", no-cache=a`}, wire.Response{NoCacheFields: []string{"a", "x-user"}}},
		{"qualified no-cache of nothing", []string{`no-cache=" , "`}, wire.Response{NoCache: true}},
		{"qualified no-cache of no name", []string{`no-cache="a b"`}, wire.Response{NoCache: true}},
		{"qualified no-cache of too many", []string{`no-cache="` + strings.Repeat("a,", wire.MaxDirectives) + `b"`}, wire.Response{NoCache: true}},
		{"no-cache both ways", []string{`no-cache="a"`, "no-cache"}, wire.Response{NoCache: true}},
		{"2^31", []string{"max-age=2147483648"}, wire.Response{MaxAge: sec(1 << 31)}},
		{"over 2^31", []string{"max-age=2147483649"}, wire.Response{MaxAge: sec(1 << 31)}},
		{"over 2^64", []string{"max-age=99999999999999999999999"}, wire.Response{MaxAge: sec(1 << 31)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.ParseResponse(tt.values)
			if err != nil {
				t.Fatalf("ParseResponse(%q) = error %v, want none", tt.values, err)
			}
			if diff := cmp.Diff(tt.want, got, equal); diff != "" {
				t.Errorf("ParseResponse(%q) (-want +got):\n%s", tt.values, diff)
			}
		})
	}
}

func TestParseResponseMalformed(t *testing.T) {
	for name, value := range map[string]string{
		"single-quoted":         "max-age='3600'",
		"letter before":         "max-age=a100",
		"letter after":          "max-age=100a",
		"decimal":               "max-age=3600.5",
		"space before the sign": "max-age =9",
		"space after the sign":  "max-age= 9",
		"no number":             "max-age=",
		"no argument":           "max-age",
		"empty quotes":          `max-age=""`,
		"space in quotes":       `max-age=" 9"`,
		"negative":              "max-age=-3600",
		"plus":                  "max-age=+1",
		"other digits":          "max-age=\u0661",
		"one good, one bad":     "max-age=1, max-age=x",
		"s-maxage":              "s-maxage=x, max-age=1",
		"stale-if-error":        "stale-if-error=x, max-age=1",
		"open quote":            `max-age=1, ext="x`,
		"open escape":           `max-age=1, ext="x\`,
		"text after a quote":    `ext="x"y, max-age=1`,
		"semicolon":             "max-age=60; foo",
		"two words":             "no store",
		"no name":               "=1",
		"NUL":                   "max-age=1\x00",
		"NUL in quotes":         "ext=\"\x00\", max-age=1",
		"escaped NUL":           "ext=\"\\\x00\", max-age=1",
		"non-ASCII":             "max-age=1, caché",
		"non-ASCII in quotes":   `ext="é", max-age=1`,
		"64 KiB":                strings.Repeat("x", 64<<10),
		"10,000 directives":     "max-age=1" + strings.Repeat(", x", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.ParseResponse([]string{value})
			if !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("ParseResponse(%.60q) = error %v, want ErrMalformed", value, err)
			}
			if !got.NoStore {
				t.Errorf("ParseResponse(%.60q) = %v beside its error, want no-store", value, got)
			}
		})
	}
}

func TestParseResponseLimits(t *testing.T) {
	longest := "max-age=1, x=" + strings.Repeat("y", wire.MaxFieldBytes-14)
	if _, err := wire.ParseResponse([]string{longest}); err != nil {
		t.Errorf("a field of %d bytes: error %v, want none", len(longest), err)
	}
	if _, err := wire.ParseResponse([]string{longest, ""}); err == nil {
		t.Error("a field one byte over the limit, in two values: no error")
	}
	most := strings.Repeat("x,", wire.MaxDirectives-1) + "max-age=1"
	if _, err := wire.ParseResponse([]string{most}); err != nil {
		t.Errorf("%d directives: error %v, want none", wire.MaxDirectives, err)
	}
	if _, err := wire.ParseResponse([]string{most, "y"}); err == nil {
		t.Errorf("%d directives: no error", wire.MaxDirectives+1)
	}
}

func TestParseResponseError(t *testing.T) {
	_, err := wire.ParseResponse([]string{"private, Max-Age=a100" + strings.Repeat("0", 100)})
	const want = `wire: malformed cache-control: Max-Age must be a number of whole seconds, got "a100000000000000000000000000000000000000"`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestParseResponseAllocatesNothing(t *testing.T) {
	for _, values := range [][]string{
		{"max-age=60"},
		{"private, max-age=60"},
		{"Public, Max-Age=60, s-maxage=\"600\", stale-if-error=30, ext=\"a, b\"", "must-revalidate"},
	} {
		if n := testing.AllocsPerRun(100, func() { _, _ = wire.ParseResponse(values) }); n != 0 {
			t.Errorf("ParseResponse(%q) allocates %v times, want 0", values, n)
		}
	}
}

func TestResponseString(t *testing.T) {
	for _, tt := range []struct {
		name string
		give wire.Response
		want string
	}{
		{"nothing", wire.Response{}, ""},
		{"everything", wire.Response{
			MaxAge: sec(60), SMaxAge: sec(600), StaleIfError: sec(30), NoStore: true, NoCacheFields: []string{"a", "b"},
			Public: true, MustRevalidate: true, ProxyRevalidate: true,
		}, `no-store, no-cache="a, b", public, must-revalidate, proxy-revalidate, max-age=60, s-maxage=600, stale-if-error=30`},
		{"not normal", wire.Response{NoCache: true, NoCacheFields: []string{"a"}, Public: true, Private: true}, "no-cache, private"},
		{"fractions are cut", wire.Response{MaxAge: wire.Some(1999 * time.Millisecond)}, "max-age=1"},
		{"negative", wire.Response{MaxAge: sec(-5)}, "max-age=0"},
		{"too large", wire.Response{MaxAge: wire.Some(time.Duration(1<<63 - 1))}, "max-age=2147483648"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.give.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := string(tt.give.AppendTo([]byte("x: "))); got != "x: "+tt.want {
				t.Errorf("AppendTo: got %q, want %q", got, "x: "+tt.want)
			}
		})
	}
}

func TestMergeResponse(t *testing.T) {
	parse := func(s string) wire.Response {
		r, err := wire.ParseResponse([]string{s})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct{ name, header, trailer, want string }{
		{"nothing", "", "", ""},
		{"only the trailer", "", "max-age=5, private", "private, max-age=5"},
		{"smaller lifetime", "max-age=60, stale-if-error=1", "max-age=5, stale-if-error=9", "max-age=5, stale-if-error=1"},
		{"restrictions add up", "no-cache, public", "private, must-revalidate", "no-cache, private, must-revalidate"},
		{"fields add up", `no-cache="b"`, `no-cache="a, b"`, `no-cache="a, b"`},
		{"no-cache covers its fields", `no-cache="b"`, "no-cache", "no-cache"},
		{"s-maxage does not lengthen the other's max-age", "max-age=10", "s-maxage=3600", "max-age=10, s-maxage=10"},
		{"s-maxage of one, max-age of both", "max-age=1, s-maxage=3600", "max-age=60", "max-age=1, s-maxage=60"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := wire.MergeResponse(parse(tt.header), parse(tt.trailer))
			if got.String() != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if back := wire.MergeResponse(parse(tt.trailer), parse(tt.header)); back.String() != tt.want {
				t.Errorf("the other way round: got %q, want %q", back, tt.want)
			}
		})
	}
}

func TestParseTargeted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   string // "-": ignored
	}{
		{"max-age", []string{"max-age=3600"}, "max-age=3600"},
		{"two values", []string{"max-age=3600", "no-store"}, "no-store, max-age=3600"},
		{
			"all",
			[]string{"no-store, no-cache, private, public, must-revalidate, proxy-revalidate, max-age=1, s-maxage=2, stale-if-error=3"},
			"no-store, no-cache, private, must-revalidate, proxy-revalidate, max-age=1, s-maxage=2, stale-if-error=3",
		},
		{"the last counts", []string{"max-age=1, max-age=3600"}, "max-age=3600"},
		{"fields", []string{`no-cache="X-User, a"`}, `no-cache="a, x-user"`},
		{"field as a token", []string{"no-cache=a"}, `no-cache="a"`},
		{"qualified private", []string{`private="a"`}, "private"},
		{"parameters", []string{"max-age=60;x=1;y"}, "max-age=60"},
		{"unknown", []string{`max-age=60, ext=(1 2), foo="x", bar=1.5`}, "max-age=60"},
		{"false", []string{"max-age=60, no-store=?0"}, "max-age=60"},
		{"over 2^31", []string{"max-age=999999999999999"}, "max-age=2147483648"},
		{"none", nil, "-"},
		{"empty", []string{""}, "-"},
		{"upper case", []string{"Max-Age=60"}, "-"},
		{"broken", []string{"max-age=60, &&&"}, "-"},
		{"trailing comma", []string{"max-age=60,"}, "-"},
		{"quoted number", []string{`max-age="60"`}, "-"},
		{"decimal", []string{"max-age=60.5"}, "-"},
		{"negative", []string{"max-age=-1"}, "-"},
		{"no number", []string{"max-age"}, "-"},
		{"16 digits", []string{"max-age=1000000000000000"}, "-"},
		{"number for a word", []string{"no-store=1"}, "-"},
		{"inner list", []string{"no-cache=(a b)"}, "-"},
		{"too long", []string{"max-age=1, x=" + strings.Repeat("1", wire.MaxFieldBytes)}, "-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := wire.ParseTargeted(tt.values)
			if !ok {
				if tt.want != "-" {
					t.Errorf("ParseTargeted(%.60q) is ignored, want %q", tt.values, tt.want)
				}
				return
			}
			if got.String() != tt.want {
				t.Errorf("ParseTargeted(%.60q) = %q, want %q", tt.values, got, tt.want)
			}
		})
	}
}
