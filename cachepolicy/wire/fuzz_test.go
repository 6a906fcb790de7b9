package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

var controlSeeds = []string{
	"", "max-age=60", "private, max-age=60", `ext="x, max-age=3600", max-age=1`, "max-age=1\nmax-age=3600",
	`no-cache="a, B", no-cache`, "s-maxage=1, max-age=99999999999999999999", "max-age='1'", `x="\`, "=,;\x00é",
	"public, private\nmust-revalidate, stale-if-error=5", "max-age =9", "no-store=1, min-fresh=3, only-if-cached",
	"max-age=3600;a=1, no-store=?0", `no-cache="x-user", private`,
}

// lines splits what the fuzzer gives into the values of a key.
func lines(text string) []string { return strings.Split(text, "\n") }

// FuzzParseResponse: what is parsed, written and parsed again is the same; a
// further value never makes a reply less restricted; header and trailer are each
// a bound of the two merged; and the merged ones are at most as loose as both
// fields in one list.
func FuzzParseResponse(f *testing.F) {
	for i, s := range controlSeeds {
		f.Add(s, controlSeeds[(i+1)%len(controlSeeds)])
	}
	f.Fuzz(func(t *testing.T, header, trailer string) {
		a, aerr := wire.ParseResponse(lines(header))
		b, berr := wire.ParseResponse(lines(trailer))
		both, err := wire.ParseResponse(append(lines(header), lines(trailer)...))
		if aerr == nil {
			sameAgain(t, a)
		} else if !errors.Is(aerr, wire.ErrMalformed) || !a.NoStore {
			t.Errorf("a malformed field gives %v, %v, want no-store and ErrMalformed", a, aerr)
		}
		if (aerr != nil || berr != nil) && err == nil {
			t.Error("a malformed field is well formed beside another")
		}
		merged := wire.MergeResponse(a, b)
		sameAgain(t, merged)
		for _, part := range []wire.Response{a, b} {
			if why := looserThan(merged, part); why != "" {
				t.Errorf("merged %q is looser than its part %q: %s", merged, part, why)
			}
			if diff := cmp.Diff(part, wire.MergeResponse(part, part), equal); diff != "" {
				t.Errorf("merging %q with itself changes it:\n%s", part, diff)
			}
			if diff := cmp.Diff(part, wire.MergeResponse(part, wire.Response{}), equal); diff != "" {
				t.Errorf("merging %q with nothing changes it:\n%s", part, diff)
			}
		}
		if err == nil {
			if why := looserThan(merged, both); why != "" {
				t.Errorf("merged %q is looser than both in one list, %q: %s", merged, both, why)
			}
		}
		if diff := cmp.Diff(merged, wire.MergeResponse(b, a), equal); diff != "" {
			t.Errorf("merging does not commute:\n%s", diff)
		}
	})
}

func sameAgain(t *testing.T, r wire.Response) {
	t.Helper()
	again, err := wire.ParseResponse([]string{r.String()})
	if err != nil && len(r.String()) < wire.MaxFieldBytes {
		t.Fatalf("%q does not parse: %v", r, err)
	}
	if diff := cmp.Diff(r, again, equal); err == nil && diff != "" {
		t.Errorf("%q changes when it is parsed again:\n%s", r, diff)
	}
}

// FuzzParseRequest: adding to a request never loosens it.
func FuzzParseRequest(f *testing.F) {
	for i, s := range controlSeeds {
		f.Add(s, controlSeeds[(i+1)%len(controlSeeds)])
	}
	f.Fuzz(func(t *testing.T, some, more string) {
		a := wire.ParseRequest(lines(some))
		both := wire.ParseRequest(append(lines(some), lines(more)...))
		if both.NoCache {
			return // nothing stored is good enough
		}
		if a.NoCache || a.NoStore && !both.NoStore || a.OnlyIfCached && !both.OnlyIfCached {
			t.Errorf("%+v is looser than %+v", both, a)
		}
		if !atMost(both.MaxAge, a.MaxAge) || both.MinFresh.Or(-1) < a.MinFresh.Or(-1) {
			t.Errorf("%+v is looser than %+v", both, a)
		}
		if age := wire.ParseAge(lines(some)); age < 0 {
			t.Errorf("a negative age: %v", age)
		}
		if keys, wildcard := wire.ParseVary(lines(some)); wildcard && keys != nil {
			t.Errorf("a wildcard and keys %q", keys)
		}
	})
}

// FuzzGroups: groups that are read are written and read again the same; and any
// text is a group, within the limits.
func FuzzGroups(f *testing.F) {
	for _, s := range []string{"", `"a", "b";v=10`, `"\"\\";soft`, ":w6k=:", "a", "(\"a\")", `"a",`, "\"\x00\"", `"a"` + "\n" + `"b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		groups, err := wire.ParseGroups(lines(text))
		if err != nil && errors.Is(err, wire.ErrLimit) == errors.Is(err, wire.ErrMalformed) {
			t.Errorf("want either ErrLimit or ErrMalformed, got %v", err)
		}
		if err == nil {
			groupsAgain(t, groups)
		}
		if raw := lines(text); len(raw) <= wire.MaxGroups && len(text) <= wire.MaxGroupBytes {
			groupsAgain(t, raw)
		}
	})
}

func groupsAgain(t *testing.T, groups []string) {
	t.Helper()
	value, err := wire.FormatGroups(groups)
	if err != nil {
		t.Fatalf("FormatGroups(%q): %v", groups, err)
	}
	again, err := wire.ParseGroups([]string{value})
	if err != nil {
		t.Fatalf("ParseGroups(%q): %v", value, err)
	}
	if diff := cmp.Diff(groups, again); diff != "" {
		t.Errorf("%q changes when it is parsed again:\n%s", value, diff)
	}
}

// FuzzTargeted: what a targeted field says can be said by cache-control.
func FuzzTargeted(f *testing.F) {
	for _, s := range controlSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := wire.ParseTargeted(lines(text))
		if !ok {
			if diff := cmp.Diff(wire.Response{}, r, equal); diff != "" {
				t.Errorf("an ignored field says something:\n%s", diff)
			}
			return
		}
		sameAgain(t, r)
	})
}

// FuzzStatus: what is parsed, written and parsed again is the same from the
// second time on (a hit drops what only a request can have); and what is written
// from any text parses.
func FuzzStatus(f *testing.F) {
	for _, s := range []string{
		"", "freshet; hit; ttl=57", "a; hit, freshet; fwd=uri-miss; fwd-status=0; stored; ttl=60", `"x y"; key="\""; detail=a`,
		"x; collapsed=?0; ttl=-99999999999", "(a b)", "x; hit=?0; fwd=*a/b:c", "x;detail=%\"a\";key=@1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := wire.ParseStatus(lines(text)); ok {
			statusAgain(t, s)
		}
		statusAgain(t, wire.Status{Cache: text, Fwd: wire.Fwd(text), Key: text, Detail: text, FwdStatus: wire.Some(len(text))})
	})
}

func statusAgain(t *testing.T, s wire.Status) {
	t.Helper()
	if len(s.Cache)+len(s.Fwd)+len(s.Key)+len(s.Detail) > wire.MaxFieldBytes/3 {
		return
	}
	first, ok := wire.ParseStatus([]string{s.String()})
	if !ok {
		t.Fatalf("%q does not parse", s)
	}
	second, ok := wire.ParseStatus([]string{first.String()})
	if diff := cmp.Diff(first, second, equal); !ok || diff != "" {
		t.Errorf("%q changes when it is parsed again:\n%s", first, diff)
	}
	if s.TTL != first.TTL || s.Hit != first.Hit {
		t.Errorf("%q is parsed as %+v, want %+v", s, first, s)
	}
}
