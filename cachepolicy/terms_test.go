package cachepolicy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// TestAdmitTerms: what replies say of windows and validation, under a rule of 60 s with windows of
// 30 s on error and 20 s while revalidating.
func TestAdmitTerms(t *testing.T) {
	rule := func(scope string) *cachepolicy.Rule {
		set, err := cachepolicy.Parse("p.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy:
      cache: {max_age: 60s, stale_if_error: 30s, stale_while_revalidate: 20s, scope: `+scope+`, assume_safe: true}
`))
		if err != nil {
			t.Fatal(err)
		}
		return set.Lookup("/freshet.test.v1.Shop/GetProduct").Cache
	}
	const s = time.Second
	private, public := rule("PRINCIPAL"), rule("PUBLIC")
	whole := cachepolicy.Terms{Lifetime: 60 * s, StaleIfError: 30 * s, StaleWhileRevalidate: 20 * s}
	never := cachepolicy.Terms{Lifetime: 60 * s, MustRevalidate: true}
	for _, tt := range []struct {
		name  string
		rule  *cachepolicy.Rule
		lines []string
		want  cachepolicy.Terms
		etag  string
		err   error
	}{
		{"nothing", public, nil, whole, "", nil},
		{"shorter windows", public, []string{"cache-control: stale-if-error=3, stale-while-revalidate=2"}, cachepolicy.Terms{Lifetime: 60 * s, StaleIfError: 3 * s, StaleWhileRevalidate: 2 * s}, "", nil},
		{"no longer windows", public, []string{"cache-control: stale-if-error=300, stale-while-revalidate=200"}, whole, "", nil},
		{"windows closed", public, []string{"cache-control: stale-if-error=0, stale-while-revalidate=0"}, cachepolicy.Terms{Lifetime: 60 * s}, "", nil},
		{"must-revalidate", private, []string{"cache-control: must-revalidate"}, never, "", nil},
		{"proxy-revalidate in a private cache", private, []string{"cache-control: proxy-revalidate"}, whole, "", nil},
		{"proxy-revalidate in a shared cache", public, []string{"cache-control: proxy-revalidate"}, never, "", nil},
		{"s-maxage in a shared cache", public, []string{"cache-control: s-maxage=9"}, cachepolicy.Terms{Lifetime: 9 * s, MustRevalidate: true}, "", nil},
		{"s-maxage in a private cache", private, []string{"cache-control: s-maxage=9"}, whole, "", nil},
		{"targeted", public, []string{"cache-control: no-store", "rpc-cache-control: max-age=5, stale-while-revalidate=1"}, cachepolicy.Terms{Lifetime: 5 * s, StaleIfError: 30 * s, StaleWhileRevalidate: s}, "", nil},
		{"a malformed window", public, []string{"cache-control: stale-while-revalidate=x"}, cachepolicy.Terms{}, "", cachepolicy.ErrMalformed},
		{"a validator", public, []string{`etag: W/"1"`}, whole, `W/"1"`, nil},
		{"a malformed validator", public, []string{`etag: 1`}, cachepolicy.Terms{}, "", cachepolicy.ErrMalformed},
		{"no-cache without a validator", public, []string{"cache-control: no-cache, max-age=9"}, cachepolicy.Terms{}, "", cachepolicy.ErrNoCache},
		{"no-cache with a validator", public, []string{"cache-control: no-cache, max-age=9", `etag: "1"`}, cachepolicy.Terms{Lifetime: 9 * s, NoCache: true}, `"1"`, nil},
		{"no-cache of what says reuse", public, []string{`cache-control: no-cache="vary"`, `etag: "1"`}, cachepolicy.Terms{}, `"1"`, cachepolicy.ErrNoCache},
		{"a malformed version", public, []string{"cache-version: x"}, cachepolicy.Terms{}, "", cachepolicy.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := tt.rule.Admit(cachepolicy.Reply{Request: &testv1.GetProductRequest{}, Message: &testv1.GetProductResponse{}, Header: md(tt.lines...)})
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil {
				diff(t, "terms", a.Terms, tt.want)
				diff(t, "etag", a.ETag, tt.etag)
			}
		})
	}
}

// TestAdmitVersions: a reply's version is its version in each group that has none of its own.
func TestAdmitVersions(t *testing.T) {
	a, err := admitRules(t)["groups"].Admit(cachepolicy.Reply{
		Request: &testv1.ListProductsRequest{}, Message: products(2),
		Header:  md("cache-version: 7", `cache-groups: "product:1";v=3, "a", "b";v=9`),
		Trailer: md("cache-version: 8"),
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "version", a.Version, uint64(7))
	diff(t, "groups", a.Groups, []wire.Group{
		{Name: "list", Version: 7}, {Name: "product:0", Version: 7}, {Name: "product:1", Version: 3},
		{Name: "a", Version: 7}, {Name: "b", Version: 9},
	})
}
