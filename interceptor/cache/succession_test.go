package cache_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// What an earlier flight stored while a later one was under way is gone when the
// later one's reply cannot be kept.
func TestEarlierFlightIsReplacedByNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			n := r.shop.calls.Load()
			take(time.Duration(n) * 100 * time.Millisecond)
			if n == 2 {
				_ = grpc.SetHeader(ctx, metadata.Pairs("cache-control", "no-store"))
			}
			return &testv1.GetProductResponse{Serial: n}, nil
		}
		first := r.start(t.Context())
		pass(50 * time.Millisecond)
		second := r.start(t.Context(), cache.NoCache())
		<-first
		r.want("1", cache.Hit, 1)
		<-second
		r.want("1", cache.Miss, 3)
	})
}
