package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

const roomy = 32 << 20 // enough for a decoded tier

// warm asks until the reply is in the decoded tier, and says how often that is used.
func (r *rig) warm(id string) {
	r.t.Helper()
	for range 4 {
		r.get(id)
	}
	before := r.cache.Stats().DecodedHits
	r.get(id)
	if r.cache.Stats().DecodedHits != before+1 {
		r.t.Fatalf("the reply is not in the decoded tier: %+v", r.cache.Stats())
	}
}

func TestTheDecodedTierGivesEachCallerACopy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithMaxBytes(roomy))
		want := catalogue(5)
		want.Product.Notes = map[string]string{"a": "b"}
		want.Product.Picture = []byte{1, 2, 3}
		r.shop.getProduct = constantly(want)
		r.warm("1")
		for range 3 {
			got, err := r.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, want)
			got.Serial = 9
			got.Product.Parts[0].Parts[0].Name = "mine"
			got.Product.Parts = append(got.Product.Parts[:1], &testv1.Product_Part{})
			got.Product.Notes["a"] = "mine"
			got.Product.Picture[0] = 9
			got.Product.Tags[0] = "mine"
		}
	})
}

func TestTheDecodedTierIsAsFreshAsTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithMaxBytes(roomy))
		r.warm("1")
		r.cache.Invalidate("product:1")
		r.want("1", cache.Miss, 2)
		r.warm("1")
		r.want("1", cache.Miss, 3, cache.NoCache()) // replaces it
		r.want("1", cache.Hit, 3)
		r.warm("1")
		pass(61 * time.Second)
		r.want("1", cache.Miss, 4)
		r.warm("1")
		r.shop.said = metadata.Pairs("cache-control", "no-store")
		r.want("1", cache.Miss, 5, cache.NoCache())
		r.shop.said = nil
		r.want("1", cache.Miss, 6)
		r.warm("1")
		pass(30 * time.Second)
		var header metadata.MD
		_, out := r.get("1", grpc.Header(&header), cache.MaxAge(40*time.Second))
		if out.Result != cache.Hit || out.Age != 30*time.Second || fmt.Sprint(header["age"]) != "[30]" || out.Endpoint == "" {
			t.Errorf("got %+v, %v", out, header)
		}
		r.want("1", cache.Miss, 7, cache.MaxAge(10*time.Second))
	})
}

// A validation renews what is decoded, too.
func TestTheDecodedTierIsRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithMaxBytes(roomy))
		newTagged(r, `"v1"`)
		r.warm("1")
		pass(61 * time.Second)
		r.want("1", cache.Validated, 1)
		r.warm("1")
		pass(30 * time.Second)
		r.want("1", cache.Hit, 1)
	})
}

// An eager refresh that a decoded reply gives rise to is a validation.
func TestTheDecodedTierIsRefreshed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 100s, eager_refresh: 0.5", cache.WithMaxBytes(roomy))
		o := newTagged(r, `"v1"`)
		r.warm("1")
		pass(60 * time.Second)
		r.want("1", cache.Hit, 1)
		pass(time.Millisecond)
		o.wantAsked(t, "", `"v1"`)
		pass(90 * time.Second)
		r.want("1", cache.Hit, 1)
	})
}

func TestSharedReplies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, shared_reply: true", cache.WithMaxBytes(roomy))
		want := catalogue(5)
		r.shop.getProduct = constantly(want)
		r.warm("1")
		ask := func() *testv1.GetProductResponse {
			got, err := r.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, want)
			return got
		}
		a, b := ask(), ask()
		if a.GetProduct() != b.GetProduct() {
			t.Error("the messages within are not shared")
		}
		a.Serial, a.Product = 9, nil // the caller's own
		ask()
	})
}

func TestMutationsOfSharedRepliesAreFound(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, shared_reply: true", cache.WithMaxBytes(roomy), cache.WithMutationCheck())
		r.shop.getProduct = constantly(catalogue(5))
		r.warm("1")
		got, err := r.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
		if err != nil {
			t.Fatal(err)
		}
		got.Product.Parts[0].Count++
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "/freshet.test.v1.Shop/GetProduct") {
				t.Errorf("got panic %q, want one that names the method", p)
			}
		}()
		r.get("1")
	})
}

// A small cache has no room for decoded replies.
func TestASmallCacheDecodesEachTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		for range 10 {
			r.get("1")
		}
		if s := r.cache.Stats(); s.DecodedHits != 0 || s.Hits != 9 {
			t.Errorf("got %+v", s)
		}
	})
}
