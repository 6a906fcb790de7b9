package origin_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// A write that gRPC retries may have taken effect in an attempt before the one
// that failed definitely: A passes on what it named.
func TestChainWriteRetriedByGRPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		oB, _ := newOrigin(t)
		oA, _ := newOrigin(t)
		lisB := serve(t, c.b, oB.ServerOptions()...)
		opts := append(oA.DialOptions(), c.cacheA.DialOptions()...)
		c.down = dial(t, lisB, "b", append(opts, grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy":
			{"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`))...)
		c.b.update = func(context.Context, *testv1.UpdateProductRequest) error {
			if c.number.Add(1) == 1 {
				return status.Error(codes.Unavailable, "done, but you will not know")
			}
			c.number.Add(-1)
			return status.Error(codes.AlreadyExists, "it is done already")
		}
		c.a.touch = func(ctx context.Context) error {
			_, err := c.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "b1"}})
			if status.Code(err) != codes.AlreadyExists {
				t.Errorf("got %v, want ALREADY_EXISTS", err)
			}
			return nil
		}
		c.want(0, cache.Miss, "A 1, B 1")
		if err := touch(t.Context(), c.client); err != nil {
			t.Fatal(err)
		}
		c.want(1, cache.Miss, "A 2, B 2")
	})
}

// A downstream server that answers CANCELLED has failed: its caller has not
// given up, and what its handler falls back to is not to be reused.
func TestChainCancelledByTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.b.get = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, status.Error(codes.Canceled, "as scripted")
		}
		c.a.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			if _, err := c.down.GetProduct(ctx, &testv1.GetProductRequest{Id: "b1"}); err == nil {
				t.Error("want an error")
			}
			return &testv1.GetProductResponse{}, nil // a fallback
		}
		want := said{"max-age=0", `"product:a1", "passthrough:///b/product:b1"`, ""}
		if got := c.raw(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A reply that A's cache knows to be untrue and does not keep leaves the client
// no lifetime either, in whatever way A's call went past the store.
func TestChainUntrueWhileAlone(t *testing.T) {
	for name, opts := range map[string][]grpc.CallOption{
		"shared": nil,
		"alone":  {cache.NoStore()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChain(t)
				c.b.get = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					n := c.number.Load()
					take(time.Second)
					return &testv1.GetProductResponse{Serial: n}, nil
				}
				c.a.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					return c.down.GetProduct(ctx, &testv1.GetProductRequest{Id: "b1"}, opts...)
				}
				c.a.touch = func(ctx context.Context) error {
					_, err := c.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "b1"}})
					return err
				}
				oA, _ := newOrigin(t)
				other := dial(t, serve(t, c.a, oA.ServerOptions()...), "a")
				go func() {
					take(500 * time.Millisecond)
					_ = touch(t.Context(), other) // another client's write through A
				}()
				if got := c.raw(); !strings.HasPrefix(got.CacheControl, "max-age=0") {
					t.Errorf("got %+v, want max-age=0", got)
				}
			})
		})
	}
}

// Package doc: "A reply whose downstream calls leave it less than a second is
// max-age=0", also under a rule whose own lifetime is left unsaid.
func TestChainLessThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.lifetimeAt = "max-age=0"
		c.a.quote = func(ctx context.Context) error {
			_, err := c.down.GetProduct(ctx, &testv1.GetProductRequest{Id: "b1"})
			return err
		}
		var trailer metadata.MD
		if _, err := c.client.GetQuote(t.Context(), &testv1.GetQuoteRequest{}, grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		said{"max-age=0", `"passthrough:///b/product:b1"`, ""}.check(t, trailer)
	})
}

// A hit at A says what the reply from B said: a server that withholds its groups
// from those who reuse its reply withholds its reply.
func TestChainGroupsOfAHit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.b.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return &testv1.GetProductResponse{}, errFirst(origin.Groups(ctx, "shelf"), origin.SetCacheControl(ctx, `no-cache="cache-groups"`))
		}
		for range 2 {
			c.raw()
		}
		want := `"product:a1", "passthrough:///b/shelf", "passthrough:///b/product:b1"`
		first, second := c.raw(), c.raw()
		if !strings.Contains(first.Groups, "b/shelf") || !strings.Contains(second.Groups, "b/shelf") {
			t.Errorf("got %+v and then %+v, want groups %s both times", first, second, want)
		}
	})
}

// What A's cache knows to be untrue and does not keep, not even for
// stale_if_error, the client does not keep either.
func TestChainUntrueIsNeverStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.b.get = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			n := c.number.Load()
			take(time.Second)
			return &testv1.GetProductResponse{Serial: n}, nil
		}
		c.a.touch = func(ctx context.Context) error {
			_, err := c.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "b1"}})
			return err
		}
		oA, _ := newOrigin(t)
		other := dial(t, serve(t, c.a, oA.ServerOptions()...), "a")
		go func() {
			take(500 * time.Millisecond)
			_ = touch(t.Context(), other) // another client's write through A
		}()
		if _, err := c.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "a1"}); err != nil {
			t.Fatal(err)
		}
		take(5 * time.Minute)
		c.a.get = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "as scripted")
		}
		var out cache.Outcome
		if got, err := c.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "a1"}, cache.Report(&out)); err == nil {
			t.Errorf("got %v with number %d of before a write that A had heard of when it answered", out.Result, got.GetSerial())
		}
	})
}
