package cachepolicy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// admitRules are the rules that replies are admitted under: a bound of an hour
// and a stale window of a minute, without a default lifetime.
func admitRules(t testing.TB) map[string]*cachepolicy.Rule {
	rules := map[string]*cachepolicy.Rule{}
	for name, more := range map[string]string{
		"public":    "scope: PUBLIC, default_max_age: 0s",
		"principal": "scope: PRINCIPAL, default_max_age: 0s",
		"default":   "scope: PUBLIC, default_max_age: 60s",
		"vary":      "scope: PUBLIC, vary: [x-b, x-a]",
		"groups":    `scope: PUBLIC, groups: ["list", "product:{response.products.id}"]`,
	} {
		set := mustParse(t, protoregistry.GlobalFiles, `
methods: [{method: /freshet.test.v1.Shop/ListProducts, policy: {cache: {max_age: 1h, stale_if_error: 60s, `+more+`}}}]`)
		rules[name] = set.Lookup(testv1.Shop_ListProducts_FullMethodName).Cache
	}
	return rules
}

// md makes metadata of "key: value" lines.
func md(lines ...string) map[string][]string {
	m := map[string][]string{}
	for _, line := range lines {
		k, v, _ := strings.Cut(line, ": ")
		m[k] = append(m[k], v)
	}
	return m
}

// verdict prints what Admit said: a reason, or "lifetime+window @age -omitted".
func verdict(a cachepolicy.Admission, err error) string {
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprint(a.Lifetime)
	if a.StaleIfError > 0 {
		s += fmt.Sprint("+", a.StaleIfError)
	}
	if a.InitialAge > 0 {
		s += fmt.Sprint(" @", a.InitialAge)
	}
	for _, k := range a.Omit {
		s += " -" + k
	}
	return s
}

func TestAdmitDirectives(t *testing.T) {
	rules := admitRules(t)
	cc := func(values ...string) []string {
		for i, v := range values {
			values[i] = "cache-control: " + v
		}
		return values
	}
	for _, tt := range []struct {
		name, rule      string
		header, trailer []string
		want            string
	}{
		// RFC 9111 section 4.2: no heuristic freshness.
		{"nothing, without a default", "public", nil, nil, "0s+1m0s"},
		{"nothing, with a default", "default", nil, nil, "1m0s+1m0s"},
		{"empty values, with a default", "default", cc("", " , "), nil, "1m0s+1m0s"},
		{"max-age", "public", cc("max-age=2"), nil, "2s+1m0s"},
		{"max-age beats the default", "default", cc("max-age=2"), nil, "2s+1m0s"},
		{"max-age over the default", "default", cc("max-age=120"), nil, "2m0s+1m0s"},
		{"max-age over the bound", "public", cc("max-age=31536000"), nil, "1h0m0s+1m0s"},
		{"max-age that overflows", "public", cc("max-age=99999999999999999999"), nil, "1h0m0s+1m0s"},
		{"max-age=0", "default", cc("max-age=0"), nil, "0s+1m0s"},
		{"age", "public", []string{"cache-control: max-age=10", "age: 12"}, nil, "10s+1m0s @12s"},
		{"the greater age", "public", []string{"cache-control: max-age=10", "age: 3"}, []string{"age: 4"}, "10s+1m0s @4s"},
		{"the first age", "public", []string{"cache-control: max-age=10", "age: 3", "age: 9"}, nil, "10s+1m0s @3s"},
		{"ages that are none", "public", []string{"cache-control: max-age=10", "age: abc"}, []string{"age: -7"}, "10s+1m0s"},
		{"a fractional age", "public", []string{"cache-control: max-age=10", "age: 1.5"}, []string{"age: 7;x=1"}, "10s+1m0s"},
		{"case", "public", cc("MaX-aGe=3600"), nil, "1h0m0s+1m0s"},

		// s-maxage counts in a shared cache alone, and closes stale-if-error there
		// (section 5.2.2.10).
		{"s-maxage", "public", cc("max-age=1, s-maxage=3600"), nil, "1h0m0s"},
		{"s-maxage in another value", "public", cc("max-age=1", "s-maxage=3600"), nil, "1h0m0s"},
		{"s-maxage shorter", "public", cc("s-maxage=1, max-age=3600"), nil, "1s"},
		{"s-maxage alone", "public", cc("s-maxage=5"), nil, "5s"},
		{"s-maxage over the bound", "public", cc("s-maxage=7200"), nil, "1h0m0s"},
		{"s-maxage of a principal", "principal", cc("max-age=1, s-maxage=3600"), nil, "1s+1m0s"},
		{"s-maxage of a principal, in another value", "principal", cc("max-age=1", "s-maxage=3600"), nil, "1s+1m0s"},
		{"s-maxage alone, of a principal", "principal", cc("s-maxage=3600"), nil, "0s+1m0s"},

		// Who may keep it.
		{"private", "public", cc("private, max-age=9"), nil, "private"},
		{"private of some fields", "public", cc(`private="x-user", max-age=9`), nil, "private"},
		{"private of a principal", "principal", cc("private, max-age=9"), nil, "9s+1m0s"},
		{"public", "public", cc("public, max-age=9"), nil, "9s+1m0s"},
		{"public of a principal", "principal", cc("public, max-age=9"), nil, "9s+1m0s"},
		{"no-store", "public", cc("no-store"), nil, "no-store"},
		{"no-store in other letters", "principal", cc("nO-StOrE"), nil, "no-store"},
		{"no-store beside a lifetime", "public", cc("no-store, max-age=3600"), nil, "no-store"},
		{"no-cache before", "public", cc("no-cache, max-age=3600"), nil, "no-cache"},
		{"no-cache behind", "public", cc("max-age=3600, no-cache"), nil, "no-cache"},
		{"no-cache of some fields", "public", cc(`no-cache="X-User, a", max-age=9`), nil, "9s+1m0s -a -x-user"},
		{"no-cache of one field, unquoted", "public", cc(`no-cache=x-user, max-age=9`), nil, "9s+1m0s -x-user"},

		// Of two values the smallest (section 4.2.1).
		{"two max-ages", "public", cc("max-age=1800, max-age=1"), nil, "1s+1m0s"},
		{"two max-ages, the other order", "public", cc("max-age=1, max-age=1800"), nil, "1s+1m0s"},
		{"two max-ages in two values", "public", cc("max-age=1800", "max-age=1"), nil, "1s+1m0s"},
		{"two max-ages in two values, the other order", "public", cc("max-age=1", "max-age=1800"), nil, "1s+1m0s"},
		{"a quoted extension", "public", cc(`ext="x, max-age=3600", max-age=1`), nil, "1s+1m0s"},
		{"a quoted extension, the other order", "public", cc(`max-age=1, ext="x, max-age=3600"`), nil, "1s+1m0s"},

		// What cannot be read makes it stay with its call.
		{"negative", "default", cc("max-age=-3600"), nil, "malformed metadata"},
		{"single quotes", "default", cc("max-age='3600'"), nil, "malformed metadata"},
		{"a letter before", "default", cc("max-age=a100"), nil, "malformed metadata"},
		{"a letter behind", "default", cc("max-age=100a"), nil, "malformed metadata"},
		{"a fraction", "default", cc("max-age=3600.5"), nil, "malformed metadata"},
		{"space before the sign", "default", cc("max-age =9"), nil, "malformed metadata"},
		{"space behind the sign", "default", cc("max-age= 9"), nil, "malformed metadata"},
		{"no number", "default", cc("max-age="), nil, "malformed metadata"},
		{"no sign", "default", cc("max-age"), nil, "malformed metadata"},
		{"a bad stale-if-error", "default", cc("stale-if-error=x"), nil, "malformed metadata"},
		{"an open quote", "default", cc(`max-age=9, x="`), nil, "malformed metadata"},
		{"one bad value of two", "default", cc("max-age=9", "max-age=x"), nil, "malformed metadata"},
		{"a bad trailer", "default", cc("max-age=9"), cc("max-age=x"), "malformed metadata"},
		{"a bad header", "default", cc("max-age=x"), cc("max-age=9"), "malformed metadata"},
		{"64 KiB", "default", cc(strings.Repeat("a,", 1<<15) + "max-age=9"), nil, "malformed metadata"},
		{"not ASCII", "default", cc("max-age=9, \xff"), nil, "malformed metadata"},

		// Header and trailer: the more restrictive.
		{"only a trailer", "public", nil, cc("max-age=9"), "9s+1m0s"},
		{"shorter in the trailer", "public", cc("max-age=9"), cc("max-age=3"), "3s+1m0s"},
		{"shorter in the header", "public", cc("max-age=3"), cc("max-age=9"), "3s+1m0s"},
		{"no-store in the trailer", "public", cc("max-age=9"), cc("no-store"), "no-store"},
		{"no-store in the header", "public", cc("no-store"), cc("max-age=9"), "no-store"},
		{"private in the trailer", "public", cc("public, max-age=9"), cc("private"), "private"},
		{"s-maxage in the trailer does not lengthen", "public", cc("max-age=3"), cc("s-maxage=9"), "3s"},
		{"must-revalidate in the trailer", "public", cc("max-age=9, stale-if-error=5"), cc("must-revalidate"), "9s"},
		{"fields of both", "public", cc(`no-cache="a", max-age=9`), cc(`no-cache="b"`), "9s+1m0s -a -b"},

		// stale-if-error: granted by the rule, shortened by the reply.
		{"a shorter window", "public", cc("max-age=9, stale-if-error=5"), nil, "9s+5s"},
		{"a longer window", "public", cc("max-age=9, stale-if-error=86400"), nil, "9s+1m0s"},
		{"no window", "public", cc("max-age=9, stale-if-error=0"), nil, "9s"},
		{"must-revalidate", "public", cc("max-age=9, must-revalidate"), nil, "9s"},
		{"must-revalidate beside a window", "principal", cc("max-age=9, must-revalidate, stale-if-error=5"), nil, "9s"},
		{"proxy-revalidate", "public", cc("max-age=9, proxy-revalidate"), nil, "9s"},
		{"proxy-revalidate of a principal", "principal", cc("max-age=9, proxy-revalidate"), nil, "9s+1m0s"},
		{"must-revalidate with an argument restricts", "public", cc("max-age=9, must-revalidate=x"), nil, "9s"},

		// rpc-cache-control replaces (RFC 9213).
		{"targeted longer", "public", []string{"rpc-cache-control: max-age=3600", "cache-control: max-age=1"}, nil, "1h0m0s+1m0s"},
		{"targeted no-store", "public", []string{"rpc-cache-control: no-store", "cache-control: max-age=3600"}, nil, "no-store"},
		{"targeted private", "public", []string{"rpc-cache-control: private", "cache-control: max-age=3600"}, nil, "private"},
		{"targeted no-cache", "public", []string{"rpc-cache-control: no-cache", "cache-control: max-age=3600"}, nil, "no-cache"},
		{"targeted instead of no-store", "public", []string{"rpc-cache-control: max-age=3600", "cache-control: no-store"}, nil, "1h0m0s+1m0s"},
		{"targeted instead of nonsense", "public", []string{"rpc-cache-control: max-age=9", "cache-control: max-age=x"}, nil, "9s+1m0s"},
		{"targeted in the trailer", "public", cc("no-store"), []string{"rpc-cache-control: max-age=9"}, "9s+1m0s"},
		{"targeted in the header, more in the trailer", "public", []string{"rpc-cache-control: max-age=9"}, cc("no-store"), "9s+1m0s"},
		{"targeted in both, shorter in the header", "public", []string{"rpc-cache-control: max-age=1"}, []string{"rpc-cache-control: max-age=3600"}, "1s+1m0s"},
		{"targeted in both, shorter in the trailer", "public", []string{"rpc-cache-control: max-age=3600"}, []string{"rpc-cache-control: max-age=1"}, "1s+1m0s"},
		{"targeted in both, one of them no-store", "public", []string{"rpc-cache-control: no-store"}, []string{"rpc-cache-control: no-store=?0, max-age=1"}, "no-store"},
		{"targeted twice in the header: the last counts", "public", []string{"rpc-cache-control: max-age=1", "rpc-cache-control: max-age=9"}, nil, "9s+1m0s"},
		{"invalid targeted", "public", []string{"rpc-cache-control: max-age=x", "cache-control: max-age=3"}, nil, "3s+1m0s"},
		{"invalid targeted, no-store beside it", "public", []string{"rpc-cache-control: no-store, max-age=-1", "cache-control: max-age=3"}, nil, "3s+1m0s"},
		{"empty targeted", "public", []string{"rpc-cache-control: ", "cache-control: max-age=3"}, nil, "3s+1m0s"},
		{"invalid targeted in the trailer alone", "public", []string{"rpc-cache-control: no-store"}, []string{"rpc-cache-control: =", "cache-control: max-age=3"}, "no-store"},
		{"invalid targeted alone", "default", []string{"rpc-cache-control: MAX-AGE=3"}, nil, "1m0s+1m0s"},
		{"targeted fields", "public", []string{`rpc-cache-control: no-cache="x-user", max-age=3`}, nil, "3s+1m0s -x-user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := verdict(rules[tt.rule].Admit(cachepolicy.Reply{
				Request: &testv1.ListProductsRequest{}, Message: &testv1.ListProductsResponse{}, Header: md(tt.header...), Trailer: md(tt.trailer...),
			}))
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAdmitVary(t *testing.T) {
	rules := admitRules(t)
	for _, tt := range []struct {
		name, rule      string
		header, trailer []string
		want            error
	}{
		{"nothing", "public", []string{"vary: "}, nil, nil},
		{"what the key has", "vary", []string{"vary: x-a"}, []string{"vary: X-B, , x-a"}, nil},
		{"what the key has not", "vary", []string{"vary: x-a, x-c"}, nil, cachepolicy.ErrVary},
		{"what the key has not, in the trailer", "vary", []string{"vary: x-a"}, []string{"vary: x-c"}, cachepolicy.ErrVary},
		{"something under a rule with nothing", "public", []string{"vary: x-a"}, nil, cachepolicy.ErrVary},
		{"*", "vary", []string{"vary: *"}, nil, cachepolicy.ErrVary},
		{"*, *", "vary", []string{"vary: *, *"}, nil, cachepolicy.ErrVary},
		{", *", "vary", []string{"vary: , *"}, nil, cachepolicy.ErrVary},
		{"*, x-a", "vary", []string{"vary: *, x-a"}, nil, cachepolicy.ErrVary},
		{"x-a, *", "vary", []string{"vary: x-a, *"}, nil, cachepolicy.ErrVary},
		{"two values, the last *", "vary", []string{"vary: x-a", "vary: *"}, nil, cachepolicy.ErrVary},
		{"two values, the first *", "vary", []string{"vary: *", "vary: x-a"}, nil, cachepolicy.ErrVary},
		{"* in the trailer", "vary", []string{"vary: x-a"}, []string{"vary: *"}, cachepolicy.ErrVary},
		{"not a list of keys", "vary", []string{"vary: x a"}, nil, cachepolicy.ErrVary},
		{"64 KiB", "vary", []string{"vary: x-a" + strings.Repeat(" ", 1<<16)}, nil, cachepolicy.ErrVary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rules[tt.rule].Admit(cachepolicy.Reply{
				Request: &testv1.ListProductsRequest{}, Message: &testv1.ListProductsResponse{}, Header: md(tt.header...), Trailer: md(tt.trailer...),
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// products is a reply with n products.
func products(n int) *testv1.ListProductsResponse {
	m := &testv1.ListProductsResponse{}
	for i := range n {
		m.Products = append(m.Products, &testv1.Product{Id: fmt.Sprint(i)})
	}
	return m
}

func groupNames(groups []wire.Group) []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names
}

func TestAdmitGroups(t *testing.T) {
	named := func(from, to int) string {
		var groups []string
		for i := from; i < to; i++ {
			groups = append(groups, fmt.Sprintf("%q", fmt.Sprint("product:", i)))
		}
		return strings.Join(groups, ", ")
	}
	for _, tt := range []struct {
		name            string
		products        int
		header, trailer []string
		want            []string // of up to 5 groups
		count           int
		err             error
	}{
		{"of the rule", 2, nil, nil, []string{"list", "product:0", "product:1"}, 3, nil},
		{"of the server", 0, []string{`cache-groups: "a", "b";v=3`}, []string{`cache-groups: "c", :w6Q=:`}, []string{"list", "a", "b", "c", "ä"}, 5, nil},
		{"each once", 2, []string{`cache-groups: "product:1", "a", "list"`}, []string{`cache-groups: "a"`}, []string{"list", "product:0", "product:1", "a"}, 4, nil},
		{"an empty field", 0, []string{`cache-groups: `}, nil, []string{"list"}, 1, nil},
		{"malformed", 0, []string{`cache-groups: a`}, nil, nil, 0, cachepolicy.ErrMalformed},
		{"malformed in the trailer", 0, []string{`cache-groups: "a"`}, []string{`cache-groups: "a`}, nil, 0, cachepolicy.ErrMalformed},
		{"128", 127, nil, nil, nil, 128, nil},
		{"129", 128, nil, nil, nil, 0, cachepolicy.ErrGroups},
		{"128 of both", 27, []string{"cache-groups: " + named(27, 127)}, nil, nil, 128, nil},
		{"129 of both", 28, []string{"cache-groups: " + named(28, 128)}, nil, nil, 0, cachepolicy.ErrGroups},
		{"128 of both, some of them twice", 127, []string{"cache-groups: " + named(0, 127)}, nil, nil, 128, nil},
		{"129 of the server", 0, []string{"cache-groups: " + named(0, 129)}, nil, nil, 0, cachepolicy.ErrGroups},
		{"129 of the server in header and trailer", 0, []string{"cache-groups: " + named(0, 100)}, []string{"cache-groups: " + named(100, 129)}, nil, 0, cachepolicy.ErrGroups},
		{"256 bytes", 0, []string{`cache-groups: "` + strings.Repeat("x", 256) + `"`}, nil, nil, 2, nil},
		{"257 bytes", 0, []string{`cache-groups: "` + strings.Repeat("x", 257) + `"`}, nil, nil, 0, cachepolicy.ErrGroups},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := md(tt.header...)
			before := slices.Clone(header["cache-groups"])
			a, err := admitRules(t)["groups"].Admit(cachepolicy.Reply{
				Request: &testv1.ListProductsRequest{}, Message: products(tt.products), Header: header, Trailer: md(tt.trailer...),
			})
			if !errors.Is(err, tt.err) || len(a.Groups) != tt.count {
				t.Errorf("got %d groups and %v, want %d and %v", len(a.Groups), err, tt.count, tt.err)
			}
			if tt.want != nil {
				diff(t, "groups", groupNames(a.Groups), tt.want)
			}
			diff(t, "the reply's header", header["cache-groups"], before)
		})
	}
}

// TestAdmitOfOtherMessages: a reply that the templates do not fit is not kept.
func TestAdmitOfOtherMessages(t *testing.T) {
	r := admitRules(t)["groups"]
	for name, reply := range map[string]cachepolicy.Reply{
		"no message":        {Request: &testv1.ListProductsRequest{}},
		"another's message": {Request: &testv1.ListProductsRequest{}, Message: &testv1.GetProductResponse{}},
	} {
		if _, err := r.Admit(reply); !errors.Is(err, cachepolicy.ErrGroups) {
			t.Errorf("%s: got %v, want ErrGroups", name, err)
		}
	}
	// Nil metadata says nothing.
	if a, err := r.Admit(cachepolicy.Reply{Request: &testv1.ListProductsRequest{}, Message: products(0)}); err != nil || a.Lifetime != time.Hour {
		t.Errorf("got %+v and %v, want the rule's own lifetime", a, err)
	}
}
