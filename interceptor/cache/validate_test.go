package cache_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// ruled returns a rig whose GetProduct has the rule, given as a policy file has it, beside
// scope and groups.
func ruled(t *testing.T, rule string, opts ...cache.Option) *rig {
	t.Helper()
	set, err := cachepolicy.Parse("test.yaml", fmt.Appendf(nil, `methods:
- method: /freshet.test.v1.Shop/GetProduct
  policy: {cache: {scope: PUBLIC, groups: ["product:{id}"], %s}}
`, rule))
	if err != nil {
		t.Fatal(err)
	}
	return newRig(t, append(opts, cache.WithPolicies(set))...)
}

// tagged is an origin whose replies have an etag, and which validates.
type tagged struct {
	mu    sync.Mutex
	etag  string
	extra metadata.MD
	asked []string // the conditions that calls came with
	took  time.Duration
	n     int64
	now   func() // called while a call is being answered
}

func (o *tagged) get(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	if o.took > 0 {
		take(o.took)
	}
	if o.now != nil {
		o.now()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	cond := ""
	if v := metadata.ValueFromIncomingContext(ctx, "if-none-match"); len(v) > 0 {
		cond = v[0]
	}
	o.asked = append(o.asked, cond)
	_ = grpc.SetHeader(ctx, metadata.Join(metadata.Pairs("etag", o.etag), o.extra))
	if cond == o.etag && cond != "" {
		_ = grpc.SetHeader(ctx, metadata.Pairs("cache-not-modified", "1"))
		return &testv1.GetProductResponse{}, nil
	}
	o.n++
	return &testv1.GetProductResponse{Serial: o.n, Product: &testv1.Product{Id: req.GetId()}}, nil
}

func (o *tagged) wantAsked(t *testing.T, want ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if fmt.Sprint(o.asked) != fmt.Sprint(want) {
		t.Errorf("the origin was asked %q, want %q", o.asked, want)
	}
}

func newTagged(r *rig, etag string) *tagged {
	o := &tagged{etag: etag}
	r.shop.getProduct = o.get
	return o
}

func TestAStaleReplyIsValidated(t *testing.T) {
	for _, etag := range []string{`"v1"`, `W/"v1"`} {
		t.Run(etag, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				o := newTagged(r, etag)
				r.want("1", cache.Miss, 1)
				pass(61 * time.Second)
				r.want("1", cache.Validated, 1)
				pass(59 * time.Second)
				r.want("1", cache.Hit, 1) // fresh for a whole lifetime again
				pass(2 * time.Second)
				o.etag = `"v2"`
				r.want("1", cache.Miss, 2)
				r.want("1", cache.Hit, 2)
				o.wantAsked(t, "", etag, etag)
				if s := r.cache.Stats(); s.Validated != 1 || s.Misses != 2 || s.Hits != 2 || s.Calls != 5 {
					t.Errorf("got %+v", s)
				}
			})
		})
	}
}

// RFC 9111 section 4.3.4: what the answer says replaces what is stored.
func TestTheAnswerUpdatesWhatIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		o.extra = metadata.Pairs("cache-control", "max-age=2", "x-note", "old", "x-other", "kept")
		r.want("1", cache.Miss, 1)
		pass(3 * time.Second)
		o.extra = metadata.Pairs("cache-control", "max-age=10", "x-note", "new")
		var header metadata.MD
		r.want("1", cache.Validated, 1, grpc.Header(&header))
		check := func(header metadata.MD) {
			t.Helper()
			if fmt.Sprint(header["x-note"], header["x-other"], header["cache-control"], header["etag"], header["cache-not-modified"]) != `[new] [kept] [max-age=10] ["v1"] []` {
				t.Errorf("got header %v", header)
			}
		}
		check(header)
		pass(9 * time.Second)
		r.want("1", cache.Hit, 1, grpc.Header(&header))
		check(header)
		pass(2 * time.Second)
		r.want("1", cache.Validated, 1)
	})
}

// A no-cache reply with an etag is validated at every use, and one call of many does so.
func TestNoCacheIsValidatedEveryTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		o.extra = metadata.Pairs("cache-control", "no-cache, max-age=3600")
		r.want("1", cache.Miss, 1)
		r.want("1", cache.Validated, 1)
		pass(time.Hour)
		r.want("1", cache.Validated, 1)
		o.wantAsked(t, "", `"v1"`, `"v1"`)
	})
}

func TestOneOfManyValidates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		o.took = time.Second
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if serial, _, err := r.tryGet(t.Context(), "1"); serial != 1 || err != nil {
					t.Errorf("got %d, %v", serial, err)
				}
			})
		}
		wg.Wait()
		o.wantAsked(t, "", `"v1"`)
		if s := r.cache.Stats(); s.Validated != 1 || s.Collapsed != 99 {
			t.Errorf("got %+v", s)
		}
	})
}

// "If the entry was invalidated [...] meanwhile, the call is made once more without
// the condition": the origin may have looked before the write.
func TestInvalidatedWhileValidated(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		once := sync.OnceFunc(func() { r.cache.Invalidate("product:1") })
		o.now = once
		r.want("1", cache.Miss, 2)
		o.wantAsked(t, "", `"v1"`, "")
		r.want("1", cache.Hit, 2)
	})
}

// What is known to be untrue is not offered for validation.
func TestInvalidatedBeforeValidation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		r.want("1", cache.Miss, 1)
		r.cache.Invalidate("product:1")
		r.want("1", cache.Miss, 2)
		o.wantAsked(t, "", "")
	})
}

// Validations append nothing to the store, however many there are.
func TestValidationsLeaveTheStoreAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		newTagged(r, `"v1"`)
		r.want("1", cache.Miss, 1)
		stores := r.cache.Stats().Stores
		for range 200 {
			pass(61 * time.Second)
			r.want("1", cache.Validated, 1)
			r.want("1", cache.Hit, 1)
		}
		if s := r.cache.Stats(); s.Stores != stores || s.Entries != 1 {
			t.Errorf("%d replies were stored, %d entries; want %d and 1", s.Stores, s.Entries, stores)
		}
	})
}

// An answer that says not-modified and is none is not believed.
func TestFalseNotModified(t *testing.T) {
	for _, tt := range []struct {
		name string
		etag string
		full bool
	}{
		{"another etag", `"v9"`, false},
		{"with a message", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				newTagged(r, `"v1"`)
				r.want("1", cache.Miss, 1)
				pass(61 * time.Second)
				r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					if len(metadata.ValueFromIncomingContext(ctx, "if-none-match")) == 0 {
						return &testv1.GetProductResponse{Serial: 7}, nil
					}
					_ = grpc.SetHeader(ctx, metadata.Pairs("cache-not-modified", "1"))
					if tt.etag != "" {
						_ = grpc.SetHeader(ctx, metadata.Pairs("etag", tt.etag))
					}
					if tt.full {
						return &testv1.GetProductResponse{Serial: 6}, nil
					}
					return &testv1.GetProductResponse{}, nil
				}
				r.want("1", cache.Miss, 7)
			})
		})
	}
}

func TestNotModifiedThatNobodyAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.said = metadata.Pairs("cache-not-modified", "1")
		r.want("1", cache.Miss, 1)
		r.want("1", cache.Miss, 2)
	})
}

// A caller's NoCache is satisfied by a validation (RFC 9111 section 5.2.1.4).
func TestNoCacheValidates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		o := newTagged(r, `"v1"`)
		r.want("1", cache.Miss, 1)
		r.want("1", cache.Validated, 1, cache.NoCache())
		o.wantAsked(t, "", `"v1"`)
	})
}

// Replies that a rule tells apart by metadata are each validated by their own tag.
func TestVariantsAreValidatedByTheirOwnTags(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, `max_age: 60s, vary: ["accept-language"]`)
		o := newTagged(r, "")
		get := func(language string, want cache.Result) {
			t.Helper()
			o.etag = `"` + language + `"`
			ctx := metadata.AppendToOutgoingContext(t.Context(), "accept-language", language)
			if _, out, err := r.tryGet(ctx, "1"); err != nil || out.Result != want {
				t.Errorf("%s: got %v, %v, want %v", language, out.Result, err, want)
			}
		}
		get("de", cache.Miss)
		get("en", cache.Miss)
		pass(61 * time.Second)
		get("en", cache.Validated)
		get("de", cache.Validated)
		get("fr", cache.Miss)
		o.wantAsked(t, "", "", `"en"`, `"de"`, "")
	})
}
