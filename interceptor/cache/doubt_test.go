package cache_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestWritesThatFail(t *testing.T) {
	definite := map[codes.Code]bool{
		codes.InvalidArgument: true, codes.NotFound: true, codes.AlreadyExists: true, codes.PermissionDenied: true,
		codes.Unauthenticated: true, codes.FailedPrecondition: true, codes.OutOfRange: true, codes.Unimplemented: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.want("1", cache.Miss, 1)
				r.want("2", cache.Miss, 2)
				r.shop.update = func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
					return nil, status.Error(code, "as scripted")
				}
				if err := r.update("1"); status.Code(err) != code {
					t.Fatal(err)
				}
				if definite[code] {
					r.want("1", cache.Hit, 1)
					return
				}
				// The write may have been applied, or be applied yet: for 10 s
				// replies of its group are returned and not stored.
				if _, out := r.get("1"); out.Result != cache.Miss || out.Detail != "write in doubt" {
					t.Errorf("got %+v", out)
				}
				pass(10*time.Second - 1)
				if _, out := r.get("1"); out.Result != cache.Miss || out.Stored {
					t.Errorf("got %+v", out)
				}
				pass(1)
				r.want("1", cache.Miss, 6)
				r.want("1", cache.Hit, 6)
				r.want("2", cache.Hit, 2)
			})
		})
	}
}

// Groups that only the lost reply could have named are all groups of the target.
func TestLostReplyFlushes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithWriteDoubt(3*time.Second))
		r.want("7", cache.Miss, 1)
		r.shop.create = func(context.Context, *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "gone")
		}
		_, err := r.client.CreateProduct(t.Context(), &testv1.CreateProductRequest{})
		if err == nil {
			t.Fatal("want an error")
		}
		_, out := r.get("7")
		if out.Result != cache.Miss || out.Detail != "write in doubt" {
			t.Errorf("got %+v", out)
		}
		pass(3 * time.Second)
		r.want("7", cache.Miss, 4)
		r.want("7", cache.Hit, 4)
		if s := r.cache.Stats(); s.Flushes != 1 {
			t.Errorf("got %d flushes, want 1", s.Flushes)
		}
	})
}

func TestNoWriteDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithWriteDoubt(0))
		r.shop.update = func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "gone")
		}
		_ = r.update("1")
		_, out := r.get("1")
		if !out.Stored {
			t.Errorf("got %+v, want it stored", out)
		}
	})
}
