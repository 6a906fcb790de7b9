package cachepolicy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// oddMethods are the methods that the tests of policy files speak of.
func oddMethods(t testing.TB) *protoregistry.Files {
	return odd(t,
		rpc{name: "Get", level: safe, policy: `cache { max_age { seconds: 60 } groups: "g" }`},
		rpc{name: "Read"}, rpc{name: "Put", level: idempotent, policy: `invalidates { groups: "g" }`},
		rpc{name: "Feed", level: safe, fromMany: true, toMany: true})
}

// TestFileRefusals holds the text of every refusal of a policy file, with its
// line.
func TestFileRefusals(t *testing.T) {
	const unsafe = `cache: only a method without side effects can be cached: set idempotency_level = NO_SIDE_EFFECTS, or assume_safe in a policy file`
	for _, tt := range []struct{ name, file, want string }{
		{"methods", `
methods:
  - method: ""
  - policy: {}
  - method: odd.v1.Odd/Get
  - method: /odd.v1.Odd.Get
  - method: /odd.v1.Odd/Get/More
  - method: //Get
  - method: /odd.v1.Odd/
  - method: /odd.v1.Odd/None
  - method: /odd.v1.None/Get
  - method: /odd.v1.Message/v_bool
`, `
p.yaml:3: methods[0].method: missing: want the full name on the wire, like "/pkg.Service/Method"
p.yaml:4: methods[1].method: missing: want the full name on the wire, like "/pkg.Service/Method"
p.yaml:5: odd.v1.Odd/Get: methods[2].method: want the full name on the wire, like "/pkg.Service/Method", got "odd.v1.Odd/Get"
p.yaml:6: /odd.v1.Odd.Get: methods[3].method: want the full name on the wire, like "/pkg.Service/Method", got "/odd.v1.Odd.Get"
p.yaml:7: /odd.v1.Odd/Get/More: methods[4].method: want the full name on the wire, like "/pkg.Service/Method", got "/odd.v1.Odd/Get/More"
p.yaml:8: //Get: methods[5].method: want the full name on the wire, like "/pkg.Service/Method", got "//Get"
p.yaml:9: /odd.v1.Odd/: methods[6].method: want the full name on the wire, like "/pkg.Service/Method", got "/odd.v1.Odd/"
p.yaml:10: /odd.v1.Odd/None: methods[7].method: unknown method: link its generated package into the program, or set allow_unknown_methods: true
p.yaml:11: /odd.v1.None/Get: methods[8].method: unknown method: link its generated package into the program, or set allow_unknown_methods: true
p.yaml:12: /odd.v1.Message/v_bool: methods[9].method: unknown method: link its generated package into the program, or set allow_unknown_methods: true
`},
		{"a name that is not its entry's first line", `
methods:
  - policy: {}
    method: nonsense
`, `
p.yaml:4: nonsense: methods[0].method: want the full name on the wire, like "/pkg.Service/Method", got "nonsense"
`},
		{"twice, also where unknown methods are allowed", `
allow_unknown_methods: true
methods:
  - method: /odd.v1.Odd/Get
  - method: /other.v1.S/M
  - {method: /odd.v1.Odd/Get, policy: {cache: {}}}
  - method: /other.v1.S/M
  - method: malformed
`, `
p.yaml:6: /odd.v1.Odd/Get: methods[2].method: stands in this file twice
p.yaml:7: /other.v1.S/M: methods[3].method: stands in this file twice
p.yaml:8: malformed: methods[4].method: want the full name on the wire, like "/pkg.Service/Method", got "malformed"
`},
		{"every line is the field's own, or that of what it is missing in", `
methods:
  - method: /odd.v1.Odd/Get
    policy:
      cache:
        max_age: 0s
        default_max_age: -1s
        stale_if_error: 1s
        vary:
          - a
          - A
        groups:
          - "{no}"
        key_exclude: ["a", "b"]
  - method: /odd.v1.Odd/Read
    policy:
      cache: {scope: PUBLIC}
  - method: /odd.v1.Odd/Put
    policy:
      invalidates:
        soft: true
`, `
p.yaml:6: /odd.v1.Odd/Get: cache.max_age: must be greater than 0s, got 0s: leave the rule out to cache nothing
p.yaml:7: /odd.v1.Odd/Get: cache.default_max_age: must be between 0s and 2147483648s, got -1s 0ns
p.yaml:8: /odd.v1.Odd/Get: cache.stale_if_error: a bound of zero cannot have a stale window, got 1s
p.yaml:11: /odd.v1.Odd/Get: cache.vary[1]: want a metadata key of lower-case letters, digits, '-', '_' and '.', got "A"
p.yaml:13: /odd.v1.Odd/Get: cache.groups[0]: template "{no}": field path "no": odd.v1.Message has no field "no"
p.yaml:14: /odd.v1.Odd/Get: cache.key_exclude[0]: field path "a": odd.v1.Message has no field "a"
p.yaml:14: /odd.v1.Odd/Get: cache.key_exclude[1]: field path "b": odd.v1.Message has no field "b"
p.yaml:17: /odd.v1.Odd/Read: ` + unsafe + `
p.yaml:17: /odd.v1.Odd/Read: cache.max_age: missing: every rule bounds the age of what it reuses
p.yaml:20: /odd.v1.Odd/Put: invalidates.groups: missing: name at least one group
`},
		{"assume_safe", `
methods:
  - method: /odd.v1.Odd/Put
    policy:
      cache: {max_age: 1s, assume_safe: true}
      invalidates: {groups: [g]}
  - method: /odd.v1.Odd/Feed
    policy: {cache: {max_age: 1s, assume_safe: true}}
`, `
p.yaml:6: /odd.v1.Odd/Put: invalidates: a method without side effects invalidates nothing
p.yaml:8: /odd.v1.Odd/Feed: cache: a streaming method cannot be cached
`},
		{"JSON", `
{"methods": [
  {"method": "/odd.v1.Odd/Get", "policy": {"cache": {
    "maxAge": "1s",
    "keyExclude": ["none"]
  }}}
]}`, `
p.yaml:5: /odd.v1.Odd/Get: cache.key_exclude[0]: field path "none": odd.v1.Message has no field "none"
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := cachepolicy.ParseFor(oddMethods(t), "p.yaml", []byte(tt.file))
			if set != nil {
				t.Error("got a Set beside the error, want nil")
			}
			diff(t, "faults", texts(t, err), strings.Split(strings.TrimSpace(tt.want), "\n"))
		})
	}
}

// TestFileTextFaults: what the decoder refuses is reported with the method it
// belongs to, beside and in the order of all else, and what follows from it is
// not. The wording is the decoder's own.
func TestFileTextFaults(t *testing.T) {
	type fault struct{ at, method, field, has string }
	const get = "/odd.v1.Odd/Get"
	for _, tt := range []struct {
		name, file string
		want       []fault
	}{
		{"unknown fields at every depth", `
metods: []
methods:
  - method: /odd.v1.Odd/Get
    polcy: {}
    policy:
      cach: {}
      cache:
        max_age: 1s
        grups: [g]
      invalidates: {group: x}
`, []fault{
			{"p:2", "", "", `"metods"`},
			{"p:5", get, "methods[0]", `"polcy"`},
			{"p:7", get, "methods[0].policy", `"cach"`},
			{"p:10", get, "cache", `"grups"`},
			{"p:11", get, "invalidates", `a method without side effects`},
			{"p:11", get, "invalidates.groups", `missing`},
			{"p:11", get, "invalidates", `"group"`},
		}},
		{"bad durations are not missing too", `
methods:
  - method: /odd.v1.Odd/Get
    policy:
      cache:
        max_age: 60
        default_max_age: a minute
        stale_if_error: {seconds: many}
`, []fault{
			{"p:6", get, "cache.max_age", "duration"},
			{"p:7", get, "cache.default_max_age", "duration"},
			{"p:8", get, "cache.stale_if_error.seconds", "whole number"},
		}},
		{"a bad part of max_age is not a missing max_age", `
methods:
  - {method: /odd.v1.Odd/Get, policy: {cache: {max_age: {seconds: many}}}}
`, []fault{{"p:3", get, "cache.max_age.seconds", "whole number"}}},
		{"values of other types", `
methods:
  - method: 5
    policy: {cache: {max_age: 1s}}
  - method: /odd.v1.Odd/Read
    policy:
      cache:
        max_age: 1s
        assume_safe: "true"
        scope: EVERYBODY
        vary: [1, a, b, a]
        groups: [{}, "{none}"]
        key_exclude: [true]
        strip: [~]
  - method: /odd.v1.Odd/Put
    policy: {invalidates: {groups: all}}
  - null
  - 7
`, []fault{
			{"p:3", "", "methods[0].method", "text"},
			{"p:9", "/odd.v1.Odd/Read", "cache.assume_safe", "true or false"},
			{"p:10", "/odd.v1.Odd/Read", "cache.scope", "PUBLIC"},
			{"p:11", "/odd.v1.Odd/Read", "cache.vary[0]", "text"},
			{"p:11", "/odd.v1.Odd/Read", "cache.vary[3]", "twice"},
			{"p:12", "/odd.v1.Odd/Read", "cache.groups[0]", "text"},
			{"p:12", "/odd.v1.Odd/Read", "cache.groups[1]", `no field "none"`},
			{"p:13", "/odd.v1.Odd/Read", "cache.key_exclude[0]", "text"},
			{"p:14", "/odd.v1.Odd/Read", "cache.strip[0]", "null"},
			{"p:16", "/odd.v1.Odd/Put", "invalidates.groups", "list"},
			{"p:17", "", "methods[3]", "null"},
			{"p:18", "", "methods[4]", "mapping"},
		}},
		{"not a text at all", "methods: [\x00", []fault{{"p:1", "", "", "control character"}}},
		{"no YAML", "methods:\n\t- a: [", []fault{{"p:2", "", "", "syntax"}}},
		{"not a mapping", "- method: /odd.v1.Odd/Get", []fault{{"p:1", "", "", "mapping"}}},
		{"too long", strings.Repeat("#", 1<<20+1), []fault{{"p:1", "", "", "1048576"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cachepolicy.ParseFor(oddMethods(t), "p", []byte(tt.file))
			got := refusals(t, err)
			if len(got) != len(tt.want) {
				t.Fatalf("got %d faults, want %d:\n%v", len(got), len(tt.want), err)
			}
			seen := make([]bool, len(got))
			line := ""
			for _, w := range tt.want {
				found := false
				for i, g := range got {
					if !seen[i] && g.File == w.at && g.Method == w.method && g.Field == w.field && strings.Contains(g.Reason, w.has) {
						seen[i], found = true, true
						break
					}
				}
				if !found {
					t.Errorf("no fault %+v in:\n%v", w, err)
				}
			}
			for _, g := range got {
				if fmt.Sprintf("%8s", g.File) < line {
					t.Errorf("%s stands behind %s", g.File, line)
				}
				line = fmt.Sprintf("%8s", g.File)
			}
		})
	}
}

// TestFractionOfZero: a fraction of zero is off, in whatever way it is written.
func TestFractionOfZero(t *testing.T) {
	mustParse(t, oddMethods(t), `{"methods":[{"method":"/odd.v1.Odd/Get","policy":{"cache":{"maxAge":"9s","jitter":0,"eagerRefresh":0.0,"negativeCodes":[],"sharedReply":false}}}]}`)
}

func TestFileCompilesEveryField(t *testing.T) {
	reg := oddMethods(t)
	set := mustParse(t, reg, `
methods:
  - method: /odd.v1.Odd/Read
    policy:
      cache:
        max_age: 1m
        default_max_age: 0s
        stale_if_error: {seconds: 5, nanos: 1}
        scope: PRINCIPAL
        vary: [x-b, x-a]
        key_exclude: [inner.words, v_string]
        groups: ["{v_int32}", "{response.v_int32}"]
        strip: [z, y-bin]
        max_entry_bytes: 4096
        assume_safe: true
  - method: /odd.v1.Odd/Put
    policy: {invalidates: {groups: ["{response.l_int32}"]}}
`)
	p := set.Lookup("/odd.v1.Odd/Read")
	r := p.Cache
	diff(t, "rule",
		[]any{p.Safe, r.MaxAge, r.DefaultMaxAge, r.StaleIfError, r.Scope, r.Vary, r.Strip, r.MaxEntryBytes, r.Groups.NeedsResponse()},
		[]any{true, time.Minute, time.Duration(0), 5*time.Second + 1, cachepolicy.Principal, []string{"x-a", "x-b"}, []string{"y-bin", "z"}, 4096, true})
	p = set.Lookup("/odd.v1.Odd/Put")
	if p.Safe || p.Cache != nil || p.Invalidates == nil {
		t.Errorf("Put: got %+v, want an invalidation of a method that is not safe", p)
	}
	if !cachepolicy.IsSafe(reg, "/odd.v1.Odd/Get") || cachepolicy.IsSafe(reg, "/odd.v1.Odd/Read") {
		t.Error("IsSafe is about what the schema declares: Get is safe, Read is not")
	}
}

// TestPrecedence: a file's entry replaces an annotation whole, and an empty one
// takes it back.
func TestPrecedence(t *testing.T) {
	base, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	over, err := cachepolicy.Parse("policy.yaml", []byte(`
allow_unknown_methods: true
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy: {cache: {max_age: 5s}}
  - {method: /freshet.test.v1.Shop/GetBasket, policy: {}}
  - method: /freshet.test.v1.Shop/UpdateProduct
  - {method: /freshet.test.v1.Shop/Touch, policy: {cache: {max_age: 7s, assume_safe: true}}}
  - {method: /elsewhere.v1.S/M, policy: {cache: {max_age: 7s}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	set := cachepolicy.Merge(base, over)
	p := set.Lookup(testv1.Shop_GetProduct_FullMethodName)
	groups, err := p.Cache.Groups.Expand(&testv1.GetProductRequest{Id: "1"}, nil)
	if p.Cache.MaxAge != 5*time.Second || p.Cache.StaleIfError != 0 || p.Cache.Scope != cachepolicy.Principal || len(groups) != 0 || err != nil {
		t.Errorf("GetProduct: got %+v in groups %q (%v), want nothing of its annotation", p.Cache, groups, err)
	}
	if p := set.Lookup(testv1.Shop_GetBasket_FullMethodName); p == nil || p.Cache != nil || !p.Safe {
		t.Errorf("GetBasket: got %+v, want a policy that caches nothing", p)
	}
	if p := set.Lookup(testv1.Shop_UpdateProduct_FullMethodName); p == nil || p.Invalidates != nil || p.Safe {
		t.Errorf("UpdateProduct: got %+v, want a policy that invalidates nothing", p)
	}
	if p := set.Lookup(testv1.Shop_Touch_FullMethodName); p == nil || p.Cache == nil || !p.Safe {
		t.Errorf("Touch: got %+v, want the file's rule", p)
	}
	if p := set.Lookup(testv1.Shop_GetQuote_FullMethodName); p == nil || p.Cache == nil {
		t.Error("GetQuote: want its annotation, of which the file says nothing")
	}
	if p := set.Lookup("/elsewhere.v1.S/M"); p != nil {
		t.Errorf("got %+v for a method that is not known, want nil", p)
	}
	if p := base.Lookup(testv1.Shop_GetProduct_FullMethodName); p.Cache.MaxAge != time.Minute {
		t.Error("Merge changed its base")
	}
}

func TestMergeOfNothing(t *testing.T) {
	var none *cachepolicy.Set
	set := mustParse(t, oddMethods(t), "methods: [{method: /odd.v1.Odd/Get}]")
	for _, tt := range []struct {
		name       string
		base, over *cachepolicy.Set
		want       int
	}{
		{"nothing", nil, nil, 0},
		{"only a base", set, nil, 1},
		{"only over", nil, set, 1},
	} {
		if got := len(cachepolicy.Merge(tt.base, tt.over).Methods()); got != tt.want {
			t.Errorf("%s: got %d methods, want %d", tt.name, got, tt.want)
		}
	}
	if none.Lookup("/odd.v1.Odd/Get") != nil || none.Methods() != nil {
		t.Error("a nil Set holds something")
	}
	if n := testing.AllocsPerRun(100, func() { set.Lookup("/odd.v1.Odd/Get") }); n != 0 {
		t.Errorf("Lookup: got %v allocations, want 0", n)
	}
}

func TestFileThatSaysNothing(t *testing.T) {
	for _, text := range []string{"", "{}", "# nothing\n", "methods: []", "methods:", "null"} {
		set, err := cachepolicy.ParseFor(oddMethods(t), "p", []byte(text))
		if err != nil || len(set.Methods()) != 0 {
			t.Errorf("%q: got %v and %v, want an empty Set", text, set.Methods(), err)
		}
	}
}

func TestIsSafe(t *testing.T) {
	reg := oddMethods(t)
	for method, want := range map[string]bool{
		"/odd.v1.Odd/Get": true, "/odd.v1.Odd/Feed": true, "/odd.v1.Odd/Put": false, "/odd.v1.Odd/Read": false,
		"odd.v1.Odd/Get": false, "/odd.v1.Odd/None": false, "/odd.v1.Message/v_bool": false, "": false, "/": false, "//": false,
	} {
		if got := cachepolicy.IsSafe(reg, method); got != want {
			t.Errorf("%q: got %v, want %v", method, got, want)
		}
	}
	if cachepolicy.IsSafe(nil, "/odd.v1.Odd/Get") {
		t.Error("a nil registry knows a safe method")
	}
}
