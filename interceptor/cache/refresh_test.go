package cache_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// slowly makes each call of the shop take d.
func (r *rig) slowly(d time.Duration) {
	r.shop.getProduct = func(_ context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		n := r.shop.calls.Load()
		take(d)
		return &testv1.GetProductResponse{Serial: n, Product: &testv1.Product{Id: req.GetId()}}, nil
	}
}

func TestStaleWhileRevalidate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_while_revalidate: 4s")
		r.slowly(10 * time.Millisecond)
		r.want("1", cache.Miss, 1)
		pass(2 * time.Second)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { r.want("1", cache.Stale, 1) })
		}
		wg.Wait()
		pass(20 * time.Millisecond)
		if n := r.shop.calls.Load(); n != 2 {
			t.Errorf("%d calls reached the origin, want the first and one in the background", n)
		}
		r.want("1", cache.Hit, 2)
		pass(6 * time.Second)
		r.want("1", cache.Miss, 3) // past the window
		if s := r.cache.Stats(); s.Refreshes != 1 || s.Stale != 1000 {
			t.Errorf("got %+v", s)
		}
	})
}

// A reply's directive shortens the window, and must-revalidate closes it.
func TestServersShortenTheStaleWindow(t *testing.T) {
	for said, want := range map[string]cache.Result{
		"max-age=1, stale-while-revalidate=1": cache.Miss,
		"max-age=1, stale-while-revalidate=9": cache.Stale,
		"max-age=1, must-revalidate":          cache.Miss,
	} {
		inBubble(t, func(t *testing.T) {
			r := ruled(t, "max_age: 10s, stale_while_revalidate: 4s")
			r.shop.said = metadata.Pairs("cache-control", said)
			r.want("1", cache.Miss, 1)
			pass(3 * time.Second)
			if _, out := r.get("1"); out.Result != want {
				t.Errorf("%s: got %v, want %v", said, out.Result, want)
			}
		})
	}
}

// An invalidation during a refresh: what it brings is not kept, nor what was
// there.
func TestInvalidatedDuringARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_while_revalidate: 60s")
		r.want("1", cache.Miss, 1)
		pass(2 * time.Second)
		r.slowly(time.Second)
		r.want("1", cache.Stale, 1)
		pass(100 * time.Millisecond)
		r.cache.Invalidate("product:1")
		pass(2 * time.Second)
		r.want("1", cache.Miss, 3)
	})
}

// While refreshes fail they are made less and less often, however many calls ask.
func TestRefreshesBackOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_while_revalidate: 600s")
		r.want("1", cache.Miss, 1)
		r.failWith(status.Error(codes.Unavailable, "down"))
		pass(2 * time.Second)
		for range 6000 { // a minute
			r.want("1", cache.Stale, 1)
			pass(10 * time.Millisecond)
		}
		if n := r.shop.calls.Load() - 1; n < 10 || n > 15 {
			t.Errorf("%d refreshes in a minute, want about 1 s, 2 s, 4 s, 5 s, 5 s, ... apart", n)
		}
	})
}

// A server that says when to come back is left alone until then.
func TestRefreshesHonourRetryInfo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_while_revalidate: 5s, stale_if_error: 600s")
		r.want("1", cache.Miss, 1)
		st, err := status.New(codes.ResourceExhausted, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(40 * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		r.failWith(st.Err())
		pass(2 * time.Second)
		for range 39 {
			r.want("1", cache.Stale, 1)
			pass(time.Second)
		}
		if n := r.shop.calls.Load(); n != 2 {
			t.Errorf("%d calls reached the origin, want the first and one refresh", n)
		}
		pass(2 * time.Second)
		r.want("1", cache.Stale, 1)
		pass(time.Millisecond)
		if n := r.shop.calls.Load(); n != 3 {
			t.Errorf("%d calls reached the origin after the delay, want 3", n)
		}
	})
}

func TestEagerRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 100s, eager_refresh: 0.8")
		r.want("1", cache.Miss, 1)
		pass(79 * time.Second)
		r.want("1", cache.Hit, 1)
		pass(time.Second / 2)
		if n := r.shop.calls.Load(); n != 1 {
			t.Errorf("%d calls before 80 %% of the lifetime", n)
		}
		pass(5 * time.Second)
		if n := r.shop.calls.Load(); n != 1 {
			t.Errorf("%d calls without anybody asking", n)
		}
		r.want("1", cache.Hit, 1)
		pass(time.Millisecond)
		r.want("1", cache.Hit, 2)
		pass(99 * time.Second)
		r.want("1", cache.Hit, 2)
	})
}

func TestSoftTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_if_error: 600s, soft_timeout: 0.05s")
		r.want("1", cache.Miss, 1)
		pass(2 * time.Second)
		r.slowly(500 * time.Millisecond)
		begun := time.Now()
		r.want("1", cache.Stale, 1)
		if d := time.Since(begun); d != 50*time.Millisecond {
			t.Errorf("stale after %v, want 50ms", d)
		}
		pass(500 * time.Millisecond)
		r.want("1", cache.Hit, 2) // the late reply was kept
	})
}

// A target that fails is not waited for by every key anew.
func TestAFailingTargetIsKnownToAllKeys(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_if_error: 600s, soft_timeout: 1s")
		keys := []string{"1", "2", "3", "4", "5", "6"}
		for _, k := range keys {
			r.get(k)
		}
		pass(2 * time.Second)
		var dead atomic.Bool
		dead.Store(true)
		r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			if dead.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &testv1.GetProductResponse{Serial: 100}, nil
		}
		var waited time.Duration
		for range 20 { // some 30 s
			for _, k := range keys {
				begun := time.Now()
				if _, out := r.get(k); out.Result != cache.Stale {
					t.Fatalf("got %+v", out)
				}
				waited += time.Since(begun)
			}
			pass(1500 * time.Millisecond)
		}
		if waited > 3*time.Second {
			t.Errorf("calls waited %v in all, want 1s for each of the first three", waited)
		}
		dead.Store(false)
		pass(31 * time.Second)
		for _, k := range keys {
			r.get(k)
		}
		pass(time.Second / 2)
		for _, k := range keys {
			r.want(k, cache.Hit, 100)
		}
	})
}

// Softly invalidated replies are used stale, as far as their windows reach.
func TestSoftInvalidation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 100s, stale_while_revalidate: 30s")
		r.want("1", cache.Miss, 1)
		pass(10 * time.Second)
		r.cache.InvalidateSoft("product:1")
		r.want("1", cache.Stale, 1)
		pass(time.Millisecond)
		r.want("1", cache.Hit, 2)
		pass(31 * time.Second)
		r.cache.InvalidateSoft("product:1") // past the window, which counts from the fetch
		r.want("1", cache.Miss, 3)
	})
}

func TestMaxStale(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s")
		r.shop.said = metadata.Pairs("cache-control", "max-age=2")
		r.want("1", cache.Miss, 1)
		pass(3 * time.Second)
		r.want("1", cache.Stale, 1, cache.MaxStale(1000*time.Second))
		ctx := metadata.AppendToOutgoingContext(t.Context(), "cache-control", "max-stale=5, only-if-cached")
		if serial, out, err := r.tryGet(ctx, "1"); serial != 1 || out.Result != cache.Stale || err != nil {
			t.Errorf("got %d, %+v, %v", serial, out, err)
		}
		r.want("1", cache.Miss, 2, cache.MaxStale(500*time.Millisecond))
		pass(61 * time.Second)
		r.want("1", cache.Miss, 3, cache.MaxStale(time.Hour)) // never past the bound
	})
}

// A mass of replies that become stale at once is fetched anew a few at a time.
func TestRefreshesAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 100s, stale_while_revalidate: 100s")
		const keys = 500
		id := func(i int) string { return string(rune('a'+i/26)) + string(rune('a'+i%26)) }
		var groups []string
		for i := range keys {
			r.get(id(i))
			groups = append(groups, "product:"+id(i))
		}
		var now, most atomic.Int64
		r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			take(10 * time.Millisecond)
			return &testv1.GetProductResponse{Serial: 1000}, nil
		}
		r.cache.InvalidateSoft(groups...)
		for range 20 {
			for i := range keys {
				if _, out := r.get(id(i)); out.Result != cache.Stale && out.Result != cache.Hit {
					t.Fatalf("got %+v", out)
				}
			}
			pass(11 * time.Millisecond)
		}
		for i := range keys {
			r.want(id(i), cache.Hit, 1000)
		}
		if most.Load() > 64 {
			t.Errorf("%d refreshes at once, want at most 64", most.Load())
		}
	})
}

// What a caller asks for itself is not asked in the background, which is for everybody.
func TestRefreshesAskNothingOfTheCallers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 1s, stale_while_revalidate: 60s")
		r.shop.said = metadata.Pairs("cache-version", "5")
		r.want("1", cache.Miss, 1)
		pass(2 * time.Second)
		var asked metadata.MD
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			asked, _ = metadata.FromIncomingContext(ctx)
			return &testv1.GetProductResponse{Serial: 2}, nil
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "cache-min-version", "3", "x-own", "kept")
		if _, out, err := r.tryGet(ctx, "1"); err != nil || out.Result != cache.Stale {
			t.Fatalf("got %+v, %v", out, err)
		}
		pass(time.Millisecond)
		if len(asked["cache-min-version"]) > 0 || len(asked["cache-control"]) > 0 || len(asked["x-own"]) != 1 {
			t.Errorf("the refresh came with %v", asked)
		}
	})
}
