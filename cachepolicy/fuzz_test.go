package cachepolicy_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/freshet-io/freshet/cachepolicy"
)

// FuzzParse compiles any file: an error of faults that each say why, and the
// same ones every time, or a Set of which every policy can be used.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "methods: []", "methods:\n  - method: /odd.v1.Odd/Get\n    policy: {cache: {max_age: 60s, scope: PUBLIC, groups: [\"g:{v_int32}\"]}}\n",
		`{"methods":[{"method":"/odd.v1.Odd/Read","policy":{"cache":{"maxAge":"1.5s","assumeSafe":true,"vary":["a","b-bin"],"keyExclude":["inner.name","l_int32"],"strip":["x"]}}}]}`,
		`{"methods":[{"method":"/odd.v1.Odd/Put","policy":{"invalidates":{"groups":["{inners.name}","{response.v_bool}"],"soft":true}}}]}`,
		"methods: [{method: /odd.v1.Odd/Get}, {method: /odd.v1.Odd/Get}, {method: /a/b}, {method: a}, null, 5]",
		"allow_unknown_methods: true\nmethods: [{method: /a/b, policy: {cache: {}}}]",
		"methods:\n- method: /odd.v1.Odd/Get\n  policy:\n    cache:\n      max_age: {seconds: -1}\n      default_max_age: 1m\n      stale_if_error: banana\n      vary: [Accept, grpc-x, te]\n      groups: ['{', '{no}', '']\n      prefer: LATENCY\n",
		"methods: &a [*a]", "methods:\n\t-", "\x00", "\xff", "a: b: c", "--- {}\n--- {}", "[[[[", `{"methods":[{"policy":{"cache":{"max_age":"1s","max_age":"2s"}}}]}`,
		"methods: [{method: /odd.v1.Odd/Feed, policy: {cache: {max_age: 1s, jitter: NaN, eager_refresh: 2, negative_codes: [OK], max_entry_bytes: -1}}}]",
	} {
		f.Add([]byte(seed))
	}
	reg := oddMethods(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := cachepolicy.ParseFor(reg, "p", data)
		if err != nil {
			if set != nil {
				t.Error("got a Set beside the error")
			}
			for _, r := range refusals(t, err) {
				if r.Reason == "" || r.File != "p" && !strings.HasPrefix(r.File, "p:") {
					t.Errorf("fault %+v does not say what is wrong, or where", r)
				}
			}
			if _, again := cachepolicy.ParseFor(reg, "p", data); again == nil || again.Error() != err.Error() {
				t.Errorf("another error the second time: %v, then %v", err, again)
			}
			return
		}
		for _, name := range set.Methods() {
			checkPolicy(t, reg, name, set.Lookup(name))
		}
	})
}

// checkPolicy fails the test for a policy that contradicts itself, and uses it
// once.
func checkPolicy(t *testing.T, reg *protoregistry.Files, name string, p *cachepolicy.Policy) {
	t.Helper()
	if p == nil || p.Method != name {
		t.Fatalf("%s: got policy %+v, want its own", name, p)
	}
	if p.Safe && p.Invalidates != nil {
		t.Errorf("%s: a safe method invalidates", name)
	}
	d, err := reg.FindDescriptorByName("odd.v1.Message")
	if err != nil {
		t.Fatal(err)
	}
	req := dynamicpb.NewMessage(d.(protoreflect.MessageDescriptor))
	if p.Invalidates != nil {
		checkGroups(t, p.Invalidates, req, req)
	}
	r := p.Cache
	if r == nil {
		return
	}
	switch {
	case !p.Safe:
		t.Errorf("%s: a rule for a method with side effects", name)
	case r.MaxAge <= 0 || r.DefaultMaxAge < 0 || r.DefaultMaxAge > r.MaxAge || r.StaleIfError < 0 || r.MaxEntryBytes < 0:
		t.Errorf("%s: bounds that contradict each other: %+v", name, r)
	case r.Groups == nil:
		t.Errorf("%s: Groups is nil", name)
	case !slices.IsSorted(r.Vary) || len(slices.Compact(slices.Clone(r.Vary))) != len(r.Vary):
		t.Errorf("%s: vary %q is not sorted, or has one twice", name, r.Vary)
	}
	checkGroups(t, r.Groups, req, req)
	if _, err := r.Key(cachepolicy.KeyInput{Method: name, Request: req, Metadata: metadataOf()}); err != nil {
		t.Errorf("%s: no key for an empty request: %v", name, err)
	}
	a, err := r.Admit(cachepolicy.Reply{Request: req, Message: req})
	if err != nil || a.Lifetime != r.DefaultMaxAge || a.StaleIfError != r.StaleIfError {
		t.Errorf("%s: a reply that says nothing is admitted as %+v (%v), want the rule's own terms", name, a, err)
	}
}
