package origin_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// chain is a client with a cache, a server A with an Origin that calls out with
// a cache, and a server B with an Origin. B keeps one number, which reads show
// and writes raise; A's calls hand B's on.
type chain struct {
	t          *testing.T
	client     testv1.ShopClient
	down       testv1.ShopClient
	a, b       *shop
	number     atomic.Int64
	atA, atB   atomic.Int64 // reads
	cacheA     *cache.Cache
	lifetimeAt string // B's cache-control, unless it is empty
}

func newChain(t *testing.T) *chain {
	t.Helper()
	c := &chain{t: t, a: &shop{}, b: &shop{}}
	oB, _ := newOrigin(t)
	lisB := serve(t, c.b, oB.ServerOptions()...)
	oA, _ := newOrigin(t)
	c.cacheA = newCache(t)
	c.down = dial(t, lisB, "b", append(oA.DialOptions(), c.cacheA.DialOptions()...)...)
	lisA := serve(t, c.a, oA.ServerOptions()...)
	c.client = dial(t, lisA, "a", newCache(t).DialOptions()...)

	c.b.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		c.atB.Add(1)
		return &testv1.GetProductResponse{Serial: c.number.Load()}, origin.SetCacheControl(ctx, c.lifetimeAt)
	}
	c.b.update = func(context.Context, *testv1.UpdateProductRequest) error {
		c.number.Add(1)
		return nil
	}
	c.b.restock = func(_ *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
		c.number.Add(1)
		return stream.Send(&testv1.RestockResponse{})
	}
	c.a.get = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		c.atA.Add(1)
		// A's product a1 shows B's product b1.
		return c.down.GetProduct(ctx, &testv1.GetProductRequest{Id: "b" + strings.TrimPrefix(req.GetId(), "a")})
	}
	return c
}

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.WithLogger(slog.New(slog.DiscardHandler)), cache.WithMaxBytes(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// want reads product a1 at A and checks the number, and how it was answered.
func (c *chain) want(number int64, result cache.Result, reads string) {
	c.t.Helper()
	var out cache.Outcome
	got, err := c.client.GetProduct(c.t.Context(), &testv1.GetProductRequest{Id: "a1"}, cache.Report(&out))
	if err != nil {
		c.t.Fatal(err)
	}
	now := fmt.Sprintf("A %d, B %d", c.atA.Load(), c.atB.Load())
	if got.GetSerial() != number || out.Result != result || now != reads {
		c.t.Errorf("got number %d by a %v after reads at %s (%s), want %d by a %v after %s", got.GetSerial(), out.Result, now, out.CacheStatus, number, result, reads)
	}
}

// raw reads product a1 at A without the client's cache's answers and returns
// what A says.
func (c *chain) raw() said {
	c.t.Helper()
	var trailer metadata.MD
	if _, err := c.client.GetProduct(c.t.Context(), &testv1.GetProductRequest{Id: "a1"}, cache.NoStore(), cache.NoCache(), grpc.Trailer(&trailer)); err != nil {
		c.t.Fatal(err)
	}
	return saidIn(trailer)
}

// The groups of B reach the client, and what is left of B's lifetime, whether A
// has them from B or from its cache.
func TestChainReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.lifetimeAt = "max-age=40"
		groups := `"product:a1", "passthrough:///b/product:b1"`
		for _, step := range []struct {
			after time.Duration
			want  said
			atB   int64
		}{
			{0, said{"max-age=40", groups, ""}, 1},
			{10 * time.Second, said{"max-age=30", groups, ""}, 1},
			{29500 * time.Millisecond, said{"max-age=0", groups, ""}, 1}, // half a second is left
			{time.Second, said{"max-age=40", groups, ""}, 2},
		} {
			take(step.after)
			if got := c.raw(); got != step.want {
				t.Errorf("after %v: got %+v, want %+v", step.after, got, step.want)
			}
			if n := c.atB.Load(); n != step.atB {
				t.Errorf("after %v: got %d reads at B, want %d", step.after, n, step.atB)
			}
		}
	})
}

// The client never shows what is older than B allows: 60 s after B said it, by
// B's rule, and not 60 s after A said it.
func TestChainLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		// A's cache has it for 50 s before the client asks.
		if _, err := c.down.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "b1"}); err != nil {
			t.Fatal(err)
		}
		take(50 * time.Second)
		c.number.Add(1) // and nobody is told
		c.want(0, cache.Miss, "A 1, B 1")
		take(9 * time.Second)
		c.want(0, cache.Hit, "A 1, B 1")
		take(time.Second)
		c.want(1, cache.Miss, "A 2, B 2")
	})
}

// A write that passes through A to B makes the client's copy of what A read from
// B untrue, whichever of the two hops is a stream.
func TestChainWrites(t *testing.T) {
	write := func(c *chain) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := c.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "b1"}})
			return err
		}
	}
	stream := func(c *chain) func(context.Context) error {
		return func(ctx context.Context) error {
			return drain(c.down.Restock(ctx, &testv1.RestockRequest{Id: "b1"}))
		}
	}
	// The client's calls of methods whose own annotation does not name a1.
	tests := []struct {
		name  string
		inner func(*chain) func(context.Context) error
		outer func(context.Context, *chain) error
	}{
		{"unary, unary", write, func(ctx context.Context, c *chain) error { return touch(ctx, c.client) }},
		{"unary, streamed", stream, func(ctx context.Context, c *chain) error { return touch(ctx, c.client) }},
		{"streamed, unary", write, func(ctx context.Context, c *chain) error { return restock(ctx, c.client) }},
		{"streamed, streamed", stream, func(ctx context.Context, c *chain) error { return restock(ctx, c.client) }},
		{"both ways, unary", write, func(ctx context.Context, c *chain) error { return chat(ctx, c.client) }},
		{"by the handler's word", func(c *chain) func(context.Context) error {
			return func(ctx context.Context) error {
				// In a context of its own, so that nothing but the handler tells.
				return errFirst(write(c)(context.Background()), origin.Invalidate(ctx, "product:a1"))
			}
		}, func(ctx context.Context, c *chain) error { return touch(ctx, c.client) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChain(t)
				f := tt.inner(c)
				c.a.touch = f
				c.a.restock = func(_ *testv1.RestockRequest, s grpc.ServerStreamingServer[testv1.RestockResponse]) error {
					return f(s.Context())
				}
				c.a.chat = func(s grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
					return f(s.Context())
				}
				c.want(0, cache.Miss, "A 1, B 1")
				c.want(0, cache.Hit, "A 1, B 1")
				if err := tt.outer(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				c.want(1, cache.Miss, "A 2, B 2")
				c.want(1, cache.Hit, "A 2, B 2")
			})
		})
	}
}

// A write at B that may have taken effect, in a call of A that ends well: the
// client cannot know, and A tells.
func TestChainWriteInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.b.update = func(context.Context, *testv1.UpdateProductRequest) error {
			c.number.Add(1)
			return status.Error(codes.Unavailable, "done, but you will not know")
		}
		c.a.touch = func(ctx context.Context) error {
			_, err := c.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "b1"}})
			if status.Code(err) != codes.Unavailable {
				t.Errorf("got %v, want UNAVAILABLE", err)
			}
			return nil
		}
		c.want(0, cache.Miss, "A 1, B 1")
		if err := touch(t.Context(), c.client); err != nil {
			t.Fatal(err)
		}
		// A's own cache keeps nothing of the group for a while.
		c.want(1, cache.Miss, "A 2, B 2")
	})
}

// What B says that nobody can read makes everything of A's untrue at the client.
func TestChainMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.b.touch = func(ctx context.Context) error {
			c.number.Add(1)
			return grpc.SetTrailer(ctx, metadata.Pairs(wire.KeyCacheGroupInvalidation, `"product:b1`))
		}
		c.a.touch = do(t, func(ctx context.Context) error { return touch(ctx, c.down) })
		c.want(0, cache.Miss, "A 1, B 1")
		if err := touch(t.Context(), c.client); err != nil {
			t.Fatal(err)
		}
		c.want(1, cache.Miss, "A 2, B 2")
	})
}

// Two that ask A at once share A's call to B, and both are told.
func TestChainCollapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		at := c.b.get
		c.b.get = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			take(2 * time.Second)
			return at(ctx, req)
		}
		out := make(chan said, 2)
		for i := range 2 {
			go func() {
				take(time.Duration(i) * time.Second)
				out <- c.raw()
			}()
		}
		want := said{"max-age=58", `"product:a1", "passthrough:///b/product:b1"`, ""}
		for range 2 {
			if got := <-out; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if n := c.atB.Load(); n != 1 {
			t.Errorf("got %d reads at B, want 1", n)
		}
	})
}

// A stale reply that A's cache serves because B has failed leaves no lifetime.
func TestChainStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t)
		c.raw()
		take(70 * time.Second)
		c.b.get = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "")
		}
		want := said{"max-age=0", `"product:a1", "passthrough:///b/product:b1"`, ""}
		if got := c.raw(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
