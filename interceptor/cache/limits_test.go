package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// products is a policy for GetProduct.
func products(tb testing.TB, rule string) *cachepolicy.Set {
	tb.Helper()
	set, err := cachepolicy.Parse("test.yaml", fmt.Appendf(nil, `methods:
- method: /freshet.test.v1.Shop/GetProduct
  policy: {cache: {scope: PUBLIC, %s}}
`, rule))
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// At 1,000 invalidations of distinct groups a second and lifetimes of ten minutes, a call
// misses only what has expired, or was invalidated itself: at most one miss in twenty
// has another reason.
func TestInvalidationsOfOthersCostNoMisses(t *testing.T) {
	const (
		lifetime = 600 * time.Second
		keys     = 6000
		seconds  = 1500
	)
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithMaxBytes(64<<20), cache.WithPolicies(products(t, `max_age: 600s, groups: ["product:{id}"]`)))
		const seed = 17
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, seed))
		fetched := map[string]time.Time{} // what is good
		var misses, needless, others int
		for range seconds {
			for range 1000 {
				others++
				r.cache.Invalidate("other:" + strconv.Itoa(others))
			}
			gone := strconv.Itoa(rng.IntN(keys))
			r.cache.Invalidate("product:" + gone)
			delete(fetched, gone)
			for range 20 {
				id := strconv.Itoa(rng.IntN(keys))
				_, out := r.get(id)
				good, known := fetched[id]
				fresh := known && time.Since(good) < lifetime
				switch {
				case out.Result == cache.Hit && !fresh:
					t.Fatalf("product %s was a hit, %v after it was fetched (known: %v)", id, time.Since(good), known)
				case out.Result == cache.Miss:
					misses++
					if fresh {
						needless++
					}
					fetched[id] = time.Now()
				}
			}
			pass(time.Second)
		}
		t.Logf("%d misses, %d of them needless", misses, needless)
		if needless*20 > misses {
			t.Errorf("%d of %d misses are needless", needless, misses)
		}
	})
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A cache of 1 MiB takes less than 3, whatever it has seen: more replies than it can hold, ten
// thousands of groups with versions, validations, failures, and replies that it may not
// store.
func TestASmallCacheStaysSmall(t *testing.T) {
	before := liveHeap()
	c, err := cache.New(cache.WithMaxBytes(1<<20), cache.WithPolicies(products(t,
		`max_age: 60s, groups: ["product:{id}"], stale_if_error: 60s, stale_while_revalidate: 10s, hold_off: 0.01s`)))
	if err != nil {
		t.Fatal(err)
	}
	unary := c.UnaryClientInterceptor()
	for n := range 60_000 {
		invoker := func(_ context.Context, _ string, _, out any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			said := metadata.Pairs("cache-version", strconv.Itoa(n+1), "etag", fmt.Sprintf(`"%d"`, n))
			switch n % 4 {
			case 1:
				said.Set("cache-control", "no-store")
			case 2:
				said.Set("cache-group-invalidation", fmt.Sprintf(`"other:%d"`, n))
			}
			for _, o := range opts {
				if o, ok := o.(grpc.HeaderCallOption); ok {
					*o.HeaderAddr = said
				}
			}
			if n%4 == 3 {
				return status.Error(codes.Unavailable, "no")
			}
			out.(*testv1.GetProductResponse).Product = &testv1.Product{Name: "a product whose reply has about a hundred bytes, as many have"}
			return nil
		}
		// Twice: what is known of a key may need a second look.
		for range 2 {
			_ = unary(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: strconv.Itoa(n)}, &testv1.GetProductResponse{}, nil, invoker, cache.NoCache())
		}
		c.Invalidate("group:" + strconv.Itoa(n))
		c.InvalidateSoft("soft:" + strconv.Itoa(n))
	}
	used := liveHeap() - before
	t.Logf("takes %.2f MiB; %+v", float64(used)/(1<<20), c.Stats())
	if used > 3<<20 {
		t.Errorf("a cache of 1 MiB takes %d bytes, at most %d", used, 3<<20)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
