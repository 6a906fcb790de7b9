package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   uint64
		err    error
	}{
		{nil, 0, nil},
		{[]string{"1"}, 1, nil},
		{[]string{"0"}, 0, nil},
		{[]string{" 7 "}, 7, nil},
		{[]string{"7;x=1"}, 7, nil},
		{[]string{"9", "8"}, 8, nil},
		{[]string{"999999999999999"}, wire.MaxVersion, nil},
		{[]string{"1000000000000000"}, 0, wire.ErrMalformed},
		{[]string{"-1"}, 0, wire.ErrMalformed},
		{[]string{"1.0"}, 0, wire.ErrMalformed},
		{[]string{`"1"`}, 0, wire.ErrMalformed},
		{[]string{"1, 2"}, 0, wire.ErrMalformed},
		{[]string{""}, 0, wire.ErrMalformed},
		{[]string{"3", "x"}, 0, wire.ErrMalformed},
	} {
		got, err := wire.ParseVersion(tt.values)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("ParseVersion(%q) = %d, %v, want %d, %v", tt.values, got, err, tt.want, tt.err)
		}
	}
	if got := wire.FormatVersion(1 << 60); got != "999999999999999" {
		t.Errorf("FormatVersion(1 << 60) = %s, want the greatest version", got)
	}
}

func TestReplyVersion(t *testing.T) {
	v := func(values ...string) map[string][]string { return map[string][]string{wire.KeyCacheVersion: values} }
	for _, tt := range []struct {
		header, trailer map[string][]string
		want            uint64
		err             error
	}{
		{nil, nil, 0, nil},
		{v("4"), nil, 4, nil},
		{nil, v("4"), 4, nil},
		{v("4"), v("3"), 3, nil},
		{v("x"), v("3"), 0, wire.ErrMalformed},
		{v("3"), v("x"), 0, wire.ErrMalformed},
	} {
		if got, err := wire.ReplyVersion(tt.header, tt.trailer); !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("ReplyVersion(%v, %v) = %d, %v, want %d, %v", tt.header, tt.trailer, got, err, tt.want, tt.err)
		}
	}
}

func TestReplyETag(t *testing.T) {
	tag := func(values ...string) map[string][]string { return map[string][]string{wire.KeyETag: values} }
	for _, tt := range []struct {
		header, trailer map[string][]string
		want            string
		err             error
	}{
		{nil, nil, "", nil},
		{tag(`"a"`), nil, `"a"`, nil},
		{nil, tag(`W/"a"`), `W/"a"`, nil},
		{tag(`""`), nil, `""`, nil},
		{tag(` "a" `), nil, `"a"`, nil},
		{tag(`"a"`), tag(`"a"`), `"a"`, nil},
		{tag(`"a"`), tag(`"b"`), "", wire.ErrMalformed},
		{tag(`"a"`, `W/"a"`), nil, "", wire.ErrMalformed},
		{tag(`a`), nil, "", wire.ErrMalformed},
		{tag(`w/"a"`), nil, "", wire.ErrMalformed},
		{tag(`"a" "b"`), nil, "", wire.ErrMalformed},
		{tag("\"a\x00\""), nil, "", wire.ErrMalformed},
		{tag(""), nil, "", wire.ErrMalformed},
		{tag(`"` + strings.Repeat("x", wire.MaxETagBytes) + `"`), nil, "", wire.ErrMalformed},
	} {
		if got, err := wire.ReplyETag(tt.header, tt.trailer); !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("ReplyETag(%v, %v) = %q, %v, want %q, %v", tt.header, tt.trailer, got, err, tt.want, tt.err)
		}
	}
}

func TestMatchesETag(t *testing.T) {
	for _, tt := range []struct {
		values []string
		etag   string
		want   bool
	}{
		{nil, `"a"`, false},
		{[]string{`"a"`}, `"a"`, true},
		{[]string{`W/"a"`}, `"a"`, true},
		{[]string{`"a"`}, `W/"a"`, true},
		{[]string{`"b"`}, `"a"`, false},
		{[]string{`"b", "a"`}, `"a"`, true},
		{[]string{`"b","x,\"`, `W/"c" , "a"`}, `"a"`, true},
		{[]string{`"b, "a"`}, `"a"`, false},
		{[]string{`a`}, `"a"`, false},
		{[]string{`*`}, `"a"`, true},
		{[]string{`"a`}, `"a"`, false},
		{[]string{`"a" junk "b"`}, `"b"`, false},
		{[]string{`""`}, `""`, true},
		{[]string{`"b""a"`}, `"a"`, false},
		{[]string{`"b" "a"`}, `"a"`, false},
		{[]string{`"b" , ,"a"`}, `"a"`, true},
		{[]string{`*`, `"b"`}, `"a"`, false},
		{[]string{`"b", *`}, `"a"`, false},
	} {
		if got := wire.MatchesETag(tt.values, tt.etag); got != tt.want {
			t.Errorf("MatchesETag(%q, %q) = %v, want %v", tt.values, tt.etag, got, tt.want)
		}
	}
}

func TestSaysNotModified(t *testing.T) {
	said := map[string][]string{wire.KeyNotModified: {"1"}}
	other := map[string][]string{wire.KeyNotModified: {"0", "true", ""}}
	if !wire.SaysNotModified(said, nil) || !wire.SaysNotModified(nil, said) || wire.SaysNotModified(other, nil) || wire.SaysNotModified(nil, nil) {
		t.Error("not-modified is the value 1 in header or trailer, and nothing else")
	}
}

func TestGroupList(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   []wire.Group
		err    error
	}{
		{[]string{`"a";v=10, "b";soft`, `"c";soft=?0;v=0, :w6k=:;x=y`}, []wire.Group{{Name: "a", Version: 10}, {Name: "b", Soft: true}, {Name: "c"}, {Name: "é"}}, nil},
		{[]string{`"a";v=-1`}, nil, wire.ErrMalformed},
		{[]string{`"a";v="1"`}, nil, wire.ErrMalformed},
		{[]string{`"a";v=1.0`}, nil, wire.ErrMalformed},
		{[]string{`"a";soft=1`}, nil, wire.ErrMalformed},
	} {
		got, err := wire.ParseGroupList(tt.values)
		if !errors.Is(err, tt.err) {
			t.Errorf("ParseGroupList(%q) = error %v, want %v", tt.values, err, tt.err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("ParseGroupList(%q) (-want +got):\n%s", tt.values, d)
		}
		if err != nil {
			continue
		}
		text, err := wire.FormatGroupList(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := wire.ParseGroupList([]string{text}); err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("ParseGroupList(%q) = %v, %v, want %v", text, again, err, got)
		}
	}
}
