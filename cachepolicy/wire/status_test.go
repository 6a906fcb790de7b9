package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func TestStatusString(t *testing.T) {
	for _, tt := range []struct {
		name string
		give wire.Status
		want string
	}{
		{"nothing", wire.Status{}, "freshet"},
		{"hit", wire.Status{Hit: true, TTL: sec(57)}, "freshet; hit; ttl=57"},
		{"hit says nothing of a request", wire.Status{Hit: true, Fwd: wire.FwdStale, FwdStatus: wire.Some(0), Stored: true, Collapsed: wire.Some(true)}, "freshet; hit"},
		{"miss", wire.Status{Fwd: wire.FwdURIMiss, FwdStatus: wire.Some(0), Stored: true, TTL: sec(60)}, "freshet; fwd=uri-miss; fwd-status=0; stored; ttl=60"},
		{
			"stale",
			wire.Status{Fwd: wire.FwdStale, FwdStatus: wire.Some(14), TTL: wire.SecondsOf(-2500 * time.Millisecond), Detail: "stale-if-error"},
			"freshet; fwd=stale; fwd-status=14; ttl=-3; detail=stale-if-error",
		},
		{"collapsed", wire.Status{Fwd: wire.FwdMiss, Collapsed: wire.Some(true)}, "freshet; fwd=miss; collapsed"},
		{"not collapsed", wire.Status{Fwd: wire.FwdMiss, Collapsed: wire.Some(false)}, "freshet; fwd=miss; collapsed=?0"},
		{"text", wire.Status{Fwd: wire.FwdBypass, Key: `a"b`, Detail: "no key"}, `freshet; fwd=bypass; key="a\"b"; detail="no key"`},
		{"what no field can hold", wire.Status{Key: "é", Detail: "a\x00b"}, `freshet; key="??"; detail="a?b"`},
		{"no token", wire.Status{Fwd: "a b", FwdStatus: wire.Some(1)}, "freshet; fwd-status=1"},
		{"another cache", wire.Status{Cache: "edge 1", Hit: true}, `"edge 1"; hit`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.give.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if n := testing.AllocsPerRun(10, func() { _ = tt.give.String() }); n > 1 {
				t.Errorf("allocates %v times, want 1", n)
			}
		})
	}
}

func TestParseStatus(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   wire.Status
	}{
		{"one", []string{"freshet; hit; ttl=57"}, wire.Status{Cache: "freshet", Hit: true, TTL: sec(57)}},
		{
			"the last",
			[]string{"origin; hit, edge; fwd=miss", `freshet; fwd=uri-miss; fwd-status=0; stored; collapsed=?0; ttl=-1; key="k"; detail=d`},
			wire.Status{Cache: "freshet", Fwd: wire.FwdURIMiss, FwdStatus: wire.Some(0), Stored: true, Collapsed: wire.Some(false), TTL: sec(-1), Key: "k", Detail: "d"},
		},
		{"string name", []string{`"edge 1"; detail="no key"`}, wire.Status{Cache: "edge 1", Detail: "no key"}},
		{"other types and parameters", []string{`x; hit=1; fwd="miss"; fwd-status=a; stored=1; collapsed=1; ttl=1.5; key=k; detail=1; foo`}, wire.Status{Cache: "x"}},
		{"large numbers", []string{"x; ttl=999999999999999; fwd-status=999999999999999"}, wire.Status{Cache: "x", TTL: sec(1 << 31), FwdStatus: wire.Some(1<<31 - 1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := wire.ParseStatus(tt.values)
			if !ok {
				t.Fatalf("ParseStatus(%q) = false", tt.values)
			}
			if diff := cmp.Diff(tt.want, got, equal); diff != "" {
				t.Errorf("ParseStatus(%q) (-want +got):\n%s", tt.values, diff)
			}
		})
	}
	for name, values := range map[string][]string{
		"none":              nil,
		"empty":             {""},
		"broken":            {"freshet; hit,"},
		"inner list":        {"freshet; hit, (a b); hit"},
		"a number":          {"1; hit"},
		"no name":           {`""; hit`},
		"too long":          {strings.Repeat("x", wire.MaxFieldBytes)},
		"broken before":     {"&, freshet; hit"},
		"NUL":               {"freshet; hit\x00"},
		"space before name": {"freshet ; hit"},
	} {
		if got, ok := wire.ParseStatus(values); ok {
			t.Errorf("%s: ParseStatus(%.60q) = %v, want false", name, values, got)
		}
	}
}
