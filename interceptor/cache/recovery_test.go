package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// A caller that gives up says nothing of the origin: what a server has asked for stands.
func TestACancelledCallIsNoSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 5s, stale_if_error: 600s")
		r.want("1", cache.Miss, 1)
		pass(6 * time.Second)
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "60000"))
			return nil, status.Error(codes.Unavailable, "leave me alone for a minute")
		}
		r.want("1", cache.Stale, 1)
		r.want("1", cache.Stale, 1)
		if n := r.shop.calls.Load(); n != 2 {
			t.Fatalf("%d calls before", n)
		}
		answer := r.shop.getProduct
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, _, err := r.tryGet(ctx, "1", cache.NoCache())
		if status.Code(err) != codes.Canceled {
			t.Fatal(err)
		}
		pass(100 * time.Millisecond)
		r.shop.getProduct = answer
		before := r.shop.calls.Load()
		r.want("1", cache.Stale, 1)
		if n := r.shop.calls.Load() - before; n != 0 {
			t.Errorf("the server was asked %d times within the minute", n)
		}
	})
}

// An overloaded server is not a recovered one.
func TestOverloadIsNoRecovery(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 5s, stale_if_error: 600s")
		r.want("1", cache.Miss, 1)
		pass(6 * time.Second)
		var code atomic.Uint32
		code.Store(uint32(codes.Unavailable))
		var ones atomic.Int64
		r.shop.getProduct = func(_ context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			if req.GetId() == "1" {
				ones.Add(1)
			}
			return nil, status.Error(codes.Code(code.Load()), "no")
		}
		r.want("1", cache.Stale, 1)
		for _, id := range []string{"7", "8", "9"} {
			_, _, _ = r.tryGet(t.Context(), id)
		}
		code.Store(uint32(codes.ResourceExhausted))
		pass(time.Millisecond)
		_, _, _ = r.tryGet(t.Context(), "10")
		before := ones.Load()
		pass(time.Millisecond)
		r.want("1", cache.Stale, 1)
		if n := ones.Load() - before; n != 0 {
			t.Errorf("the key was asked for %d times, a few ms after it failed and with every call failing since", n)
		}
	})
}

// An origin that hangs until its flight is given up has not answered.
func TestAHungFlightIsNoSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 5s, stale_if_error: 3600s, soft_timeout: 0.2s")
		r.want("1", cache.Miss, 1)
		pass(6 * time.Second)
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r.want("1", cache.Stale, 1) // learns it by waiting for soft_timeout
		for range 8 {
			pass(31 * time.Second)
			begun := time.Now()
			r.want("1", cache.Stale, 1)
			if d := time.Since(begun); d > 0 {
				t.Errorf("at %v: waited %v for an origin that is known to hang", begun, d)
			}
		}
	})
}

// Calls that their callers give up do not stand for the probe of a failing target.
func TestCancelledCallsAreNoProbes(t *testing.T) {
	for _, chatter := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			r := ruled(t, "max_age: 5s, stale_if_error: 6000s")
			r.want("1", cache.Miss, 1)
			pass(6 * time.Second)
			well := false
			r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
				if req.GetId() == "slow" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				if well {
					return &testv1.GetProductResponse{Serial: 2, Product: &testv1.Product{Id: req.GetId()}}, nil
				}
				return nil, status.Error(codes.Unavailable, "no")
			}
			for begun := time.Now(); time.Since(begun) < 150*time.Second; pass(500 * time.Millisecond) { // its back-off grows
				r.want("1", cache.Stale, 1)
			}
			well = true
			begun := time.Now()
			for {
				if chatter {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					_, _, _ = r.tryGet(ctx, "slow")
					cancel()
				}
				if _, out := r.get("1"); out.Result == cache.Hit {
					break
				}
				pass(500 * time.Millisecond)
			}
			t.Logf("chatter %v: seen after %v", chatter, time.Since(begun))
			if d := time.Since(begun); d > 8*time.Second {
				t.Errorf("the target is asked every 5 s, and was seen to be well after %v", d)
			}
		})
	}
}
