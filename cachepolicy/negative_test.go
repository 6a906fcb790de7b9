package cachepolicy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func negativeRule(t *testing.T, fields string) *cachepolicy.Rule {
	t.Helper()
	set, err := cachepolicy.Parse("p.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy:
      cache: {max_age: 60s, stale_if_error: 60s, stale_while_revalidate: 60s, scope: PUBLIC, groups: ["product:{id}"], assume_safe: true, `+fields+`}
`))
	if err != nil {
		t.Fatal(err)
	}
	return set.Lookup("/freshet.test.v1.Shop/GetProduct").Cache
}

func TestAdmitError(t *testing.T) {
	const notFound, outOfRange, unavailable = 5, 11, 14
	off, on, other := negativeRule(t, ""), negativeRule(t, "negative_max_age: 10s"), negativeRule(t, "negative_max_age: 10s, negative_codes: [OUT_OF_RANGE]")
	for _, tt := range []struct {
		name     string
		rule     *cachepolicy.Rule
		code     uint32
		header   []string
		lifetime time.Duration
		err      error
	}{
		{"off", off, notFound, nil, 0, cachepolicy.ErrNegative},
		{"off, whatever the server says", off, notFound, []string{"cache-control: max-age=60"}, 0, cachepolicy.ErrNegative},
		{"on", on, notFound, nil, 10 * time.Second, nil},
		{"another code", on, outOfRange, nil, 0, cachepolicy.ErrNegative},
		{"named", other, outOfRange, nil, 10 * time.Second, nil},
		{"only those named", other, notFound, nil, 0, cachepolicy.ErrNegative},
		{"what passes", on, unavailable, []string{"cache-control: max-age=5"}, 0, cachepolicy.ErrNegative},
		{"OK", on, 0, nil, 0, cachepolicy.ErrNegative},
		{"a code of another gRPC", on, 42, nil, 0, cachepolicy.ErrNegative},
		{"shortened", on, notFound, []string{"cache-control: max-age=3"}, 3 * time.Second, nil},
		{"not lengthened", on, notFound, []string{"cache-control: max-age=30"}, 10 * time.Second, nil},
		{"no-store", on, notFound, []string{"cache-control: no-store"}, 0, cachepolicy.ErrNoStore},
		{"no-cache, with nothing to validate", on, notFound, []string{"cache-control: no-cache", `etag: "a"`}, 0, cachepolicy.ErrNoCache},
		{"private in a shared cache", on, notFound, []string{"cache-control: private"}, 0, cachepolicy.ErrPrivate},
		{"malformed", on, notFound, []string{"cache-control: max-age=x"}, 0, cachepolicy.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := tt.rule.AdmitError(tt.code, cachepolicy.Reply{Request: &testv1.GetProductRequest{Id: "1"}, Trailer: md(tt.header...)})
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if a.Lifetime != tt.lifetime || a.StaleIfError != 0 || a.StaleWhileRevalidate != 0 || a.ETag != "" {
				t.Errorf("got %+v, want a lifetime of %v, no window and no validator", a, tt.lifetime)
			}
			diff(t, "groups", groupNames(a.Groups), []string{"product:1"})
		})
	}
}
