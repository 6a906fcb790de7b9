package cache_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// While the origin has more to do than it can, a stale reply that is granted for that is used,
// and for no longer.
func TestStaleIfOverloaded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 10s, stale_if_overloaded: 60s")
		r.want("1", cache.Miss, 1)
		r.want("2", cache.Miss, 2)
		pass(11 * time.Second)
		r.failWith(status.Error(codes.ResourceExhausted, "too much"))
		if _, _, err := r.tryGet(t.Context(), "9"); status.Code(err) != codes.ResourceExhausted {
			t.Fatal(err)
		}
		_, out := r.get("1")
		if out.Result != cache.Stale || !contains(out.CacheStatus, "stale-if-overloaded") {
			t.Errorf("got %+v", out)
		}
		r.shop.getProduct = nil
		pass(2 * time.Second)
		r.want("1", cache.Miss, 4) // the sign is old
		pass(60 * time.Second)
		r.failWith(status.Error(codes.ResourceExhausted, "too much"))
		_, _, _ = r.tryGet(t.Context(), "9")
		if _, out, err := r.tryGet(t.Context(), "2"); err == nil {
			t.Errorf("got %+v past the window", out)
		}
	})
}

// The picker's word counts as the server's.
func TestAStrainedFleetIsOverloaded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 10s, stale_if_overloaded: 60s")
		strained := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			callstate.From(ctx).MarkStrained()
			return invoker(ctx, method, req, reply, cc, opts...)
		}
		r.client = testv1.NewShopClient(dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(strained))...))
		r.want("1", cache.Miss, 1)
		pass(11 * time.Second)
		r.want("2", cache.Miss, 2)
		r.want("1", cache.Stale, 1)
	})
}
