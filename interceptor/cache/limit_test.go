package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// bulky is an origin whose replies have about n bytes, and an etag.
func bulky(n int) func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	return func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("etag", `"v1"`))
		if len(metadata.ValueFromIncomingContext(ctx, "if-none-match")) > 0 {
			_ = grpc.SetHeader(ctx, metadata.Pairs("cache-not-modified", "1"))
			return &testv1.GetProductResponse{}, nil
		}
		return &testv1.GetProductResponse{Product: &testv1.Product{Name: strings.Repeat("x", n)}}, nil
	}
}

// The limit on a reply is one, wherever the reply comes from: the call's, the channel's, the
// service config's or grpc-go's own.
func TestReceiveLimits(t *testing.T) {
	const mega, small = 1 << 20, 50_000
	config := func(n int) grpc.DialOption {
		return grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"methodConfig": [{"name": [{"service": "freshet.test.v1.Shop"}], "maxResponseMessageBytes": %d}]}`, n))
	}
	for _, tt := range []struct {
		name string
		size int
		dial []grpc.DialOption
		call []grpc.CallOption
		fits bool
	}{
		{"grpc-go's", 5 * mega, nil, nil, false},
		{"under grpc-go's", small, nil, nil, true},
		{"the call's, more", 5 * mega, nil, []grpc.CallOption{grpc.MaxCallRecvMsgSize(6 * mega)}, true},
		{"the call's, less", small, nil, []grpc.CallOption{grpc.MaxCallRecvMsgSize(small)}, false},
		{"the channel's, more", 5 * mega, []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(6 * mega))}, nil, true},
		{"the channel's, less", small, []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(small))}, nil, false},
		{"the service config's, more", 5 * mega, []grpc.DialOption{config(6 * mega)}, nil, true},
		{"the service config's, less", 10_000, []grpc.DialOption{config(9_999)}, nil, false},
		{"the call's, less than the config's", small, []grpc.DialOption{config(6 * mega)}, []grpc.CallOption{grpc.MaxCallRecvMsgSize(small)}, false},
		{"the config's, less than the call's", small, []grpc.DialOption{config(small)}, []grpc.CallOption{grpc.MaxCallRecvMsgSize(6 * mega)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, cache.WithMaxBytes(512<<20), cache.WithStore(newMapStore()))
				r.shop.getProduct = bulky(tt.size)
				wide := grpc.MaxCallRecvMsgSize(16 * mega)
				window := grpc.WithInitialWindowSize(16 * mega)
				r.client = testv1.NewShopClient(dial(t, r.listener, "shop", append(r.cache.DialOptions(), window)...))
				limited := testv1.NewShopClient(dial(t, r.listener, "shop", append(append(r.cache.DialOptions(), tt.dial...), window)...))
				var first string
				limit := func(from string, want cache.Result) {
					t.Helper()
					var out cache.Outcome
					resp, err := limited.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"}, append(tt.call, cache.Report(&out))...)
					if first == "" {
						first = fmt.Sprint(err)
					}
					if tt.fits && (err != nil || out.Result != want || len(resp.GetProduct().GetName()) != tt.size) {
						t.Errorf("%s: got %v, %v, %d bytes", from, out.Result, err, len(resp.GetProduct().GetName()))
					}
					if !tt.fits && (status.Code(err) != codes.ResourceExhausted || err.Error() != first) {
						t.Errorf("%s: got %v, %v, want %s", from, out.Result, err, first)
					}
				}
				limit("the network", cache.Miss)
				r.get("1", wide)
				limit("bytes", cache.Hit)
				for range 3 {
					r.get("1", wide)
				}
				before := r.cache.Stats().DecodedHits
				limit("memory", cache.Hit)
				if tt.fits && r.cache.Stats().DecodedHits != before+1 {
					t.Error("it was not in memory")
				}
				pass(61 * time.Second)
				limit("a validation", cache.Validated)
				pass(61 * time.Second)
				r.shop.trailed = metadata.Pairs("cache-control", "no-store")
				limit("a validation that ends it", cache.Miss)
				r.shop.trailed = nil
				pass(11 * time.Second) // the key's callers wait for each other again

				r.cache.Invalidate("product:1")
				inner := r.shop.getProduct
				r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					take(time.Second)
					return inner(ctx, req)
				}
				leader := r.start(t.Context(), wide)
				limit("another's call", cache.Collapsed)
				if a := <-leader; a.err != nil {
					t.Errorf("leader: %v", a.err)
				}
			})
		})
	}
}
