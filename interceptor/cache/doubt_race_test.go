package cache_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// Once a write has failed without a definite word nothing of its groups is
// stored, not even by a fetch that began while the failure was being heard.
func TestDoubtBeginsWithTheInvalidation(t *testing.T) {
	r := newRig(t)
	unary := r.cache.UnaryClientInterceptor()
	get := func(id string) (out cache.Outcome) {
		err := unary(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: id}, &testv1.GetProductResponse{}, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }, cache.Report(&out), cache.NoCache())
		if err != nil {
			t.Error(err)
		}
		return out
	}
	hit := func(id string) bool {
		var out cache.Outcome
		_ = unary(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: id}, &testv1.GetProductResponse{}, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }, cache.Report(&out), cache.OnlyIfCached())
		return out.Result == cache.Hit
	}
	var (
		id   atomic.Int64
		stop atomic.Bool
		wg   sync.WaitGroup
	)
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				get(strconv.FormatInt(id.Load(), 10))
			}
		})
	}
	found := 0
	for i := range 1500 { // fewer than it takes to put the whole target in doubt
		id.Store(int64(i))
		who := strconv.Itoa(i)
		for !hit(who) { // until a reader is at it
		}
		err := unary(t.Context(), testv1.Shop_UpdateProduct_FullMethodName, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: who}}, &testv1.UpdateProductResponse{}, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				return status.Error(codes.Unavailable, "as scripted")
			})
		if status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
		if hit(who) {
			found++
		}
	}
	stop.Store(true)
	wg.Wait()
	if found > 0 {
		t.Errorf("after %d of 1500 writes of unknown outcome a reply is reused that was stored since", found)
	}
}
