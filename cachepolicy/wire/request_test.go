package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func TestParseRequest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   wire.Request
	}{
		{"nothing", nil, wire.Request{}},
		{
			"all",
			[]string{"max-age=1, min-fresh=2", "No-Cache, no-store, only-if-cached"},
			wire.Request{MaxAge: sec(1), MinFresh: sec(2), NoCache: true, NoStore: true, OnlyIfCached: true},
		},
		{"strictest", []string{"max-age=9, min-fresh=1, max-age=3, min-fresh=5, min-fresh=2"}, wire.Request{MaxAge: sec(3), MinFresh: sec(5)}},
		{"quoted", []string{`max-age="9"`}, wire.Request{MaxAge: sec(9)}},
		{"unknown", []string{"no-transform, x=\"no-cache, max-stale\""}, wire.Request{}},
		{"max-stale", []string{"max-stale=60"}, wire.Request{MaxStale: sec(60)}},
		{"max-stale of any age", []string{"max-stale"}, wire.Request{MaxStale: sec(wire.MaxSeconds)}},
		{"the least max-stale", []string{"max-stale, max-stale=60, max-stale=70"}, wire.Request{MaxStale: sec(60)}},
		{"malformed max-stale", []string{"max-stale=x, max-stale=60"}, wire.Request{MaxStale: sec(0)}},
		{"stale-if-error", []string{"stale-if-error=60, stale-if-error=6"}, wire.Request{StaleIfError: sec(6)}},
		{"malformed stale-if-error", []string{"stale-if-error"}, wire.Request{StaleIfError: sec(0)}},
		{"malformed max-age", []string{"max-age=60, max-age=x"}, wire.Request{MaxAge: sec(0)}},
		{"negative max-age", []string{"max-age=-1"}, wire.Request{MaxAge: sec(0)}},
		{"bare max-age", []string{"max-age"}, wire.Request{MaxAge: sec(0)}},
		{"malformed min-fresh", []string{"min-fresh=1.5"}, wire.Request{NoCache: true}},
		{"words with an argument", []string{`no-cache="x", no-store=1, only-if-cached=1`}, wire.Request{NoCache: true, NoStore: true, OnlyIfCached: true}},
		{"broken", []string{"max-age =9"}, wire.Request{NoCache: true}},
		{"broken later", []string{"only-if-cached, \x00"}, wire.Request{NoCache: true, OnlyIfCached: true}},
		{"too long", []string{strings.Repeat("x", wire.MaxFieldBytes)}, wire.Request{NoCache: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, wire.ParseRequest(tt.values), equal); diff != "" {
				t.Errorf("ParseRequest(%.60q) (-want +got):\n%s", tt.values, diff)
			}
			if n := testing.AllocsPerRun(10, func() { wire.ParseRequest(tt.values) }); n != 0 {
				t.Errorf("ParseRequest(%.60q) allocates %v times, want 0", tt.values, n)
			}
		})
	}
}

func TestParseAge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   time.Duration
	}{
		{"none", nil, 0},
		{"empty", []string{""}, 0},
		{"plain", []string{"6"}, 6 * time.Second},
		{"space", []string{" 6\t"}, 6 * time.Second},
		{"first value", []string{"6", "7"}, 6 * time.Second},
		{"first member", []string{"6, 7"}, 6 * time.Second},
		{"first is malformed", []string{"x", "7"}, 0},
		{"nonnumeric", []string{"abc"}, 0},
		{"negative", []string{"-7"}, 0},
		{"float", []string{"1.5"}, 0},
		{"parameter", []string{"7;x=1"}, 0},
		{"quoted", []string{`"7"`}, 0},
		{"overflow", []string{"99999999999999999999"}, 1 << 31 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := wire.ParseAge(tt.values); got != tt.want {
				t.Errorf("ParseAge(%q) = %v, want %v", tt.values, got, tt.want)
			}
		})
	}
}

func TestParseVary(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		keys   []string
		any    bool
	}{
		{"none", nil, nil, false},
		{"empty", []string{"", " , "}, nil, false},
		{"sorted, lower, once", []string{"Foo, x-b", "a,FOO"}, []string{"a", "foo", "x-b"}, false},
		{"binary key", []string{"x-trace-bin"}, []string{"x-trace-bin"}, false},
		{"star", []string{"*"}, nil, true},
		{"two stars", []string{"*, *"}, nil, true},
		{"star after nothing", []string{", *"}, nil, true},
		{"star first", []string{"*, foo"}, nil, true},
		{"star last", []string{"foo, *"}, nil, true},
		{"star in another value", []string{"foo", "*"}, nil, true},
		{"space", []string{"foo bar"}, nil, true},
		{"pseudo-header", []string{":authority"}, nil, true},
		{"NUL", []string{"\x00"}, nil, true},
		{"non-ASCII", []string{"é"}, nil, true},
		{"too long", []string{strings.Repeat("x", wire.MaxFieldBytes)}, nil, true},
		{"most", []string{strings.Repeat("x,", wire.MaxDirectives)}, []string{"x"}, false},
		{"too many", []string{strings.Repeat("x,", wire.MaxDirectives+1)}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys, any := wire.ParseVary(tt.values)
			if diff := cmp.Diff(tt.keys, keys); diff != "" || any != tt.any {
				t.Errorf("ParseVary(%.60q) = %q, %v, want %q, %v", tt.values, keys, any, tt.keys, tt.any)
			}
		})
	}
}

func TestSecondsOf(t *testing.T) {
	for _, tt := range []struct{ give, want time.Duration }{
		{0, 0},
		{1999 * time.Millisecond, time.Second},
		{-time.Nanosecond, -time.Second},
		{-time.Second, -time.Second},
		{1<<63 - 1, wire.MaxSeconds * time.Second},
		{-1 << 63, -wire.MaxSeconds * time.Second},
	} {
		if got, ok := wire.SecondsOf(tt.give).Get(); !ok || got != tt.want {
			t.Errorf("SecondsOf(%v) = %v, %v, want %v, true", tt.give, got, ok, tt.want)
		}
	}
	if got := (wire.Seconds{}).Or(7); got != 7 {
		t.Errorf("an absent value Or(7) = %v, want 7", got)
	}
}
