package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// GetProduct's rule: max_age 60 s, stale_if_error 600 s.

func (r *rig) failWith(err error) {
	r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return nil, err
	}
}

func TestStaleIfErrorByCode(t *testing.T) {
	granted := map[codes.Code]bool{
		codes.Unavailable: true, codes.Internal: true, codes.Unknown: true,
		codes.ResourceExhausted: true, codes.DeadlineExceeded: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.want("1", cache.Miss, 1)
				pass(61 * time.Second)
				r.failWith(status.Error(code, "as scripted"))
				var header metadata.MD
				serial, out, err := r.tryGet(t.Context(), "1", grpc.Header(&header))
				if granted[code] {
					if err != nil || out.Result != cache.Stale || serial != 1 || out.Age != 61*time.Second {
						t.Errorf("got %d, %+v, %v; want the stale reply", serial, out, err)
					}
					if got := header.Get("age"); len(got) != 1 || got[0] != "61" {
						t.Errorf("age: got %q", got)
					}
					return
				}
				if status.Code(err) != code || status.Convert(err).Message() != "as scripted" || out.Result != cache.Error {
					t.Errorf("got %+v, %v; want the origin's error", out, err)
				}
			})
		})
	}
}

func TestStaleIfErrorWindow(t *testing.T) {
	for _, tt := range []struct {
		name string
		said string
		aged time.Duration
		opts []grpc.CallOption
		want cache.Result
	}{
		{"within", "", 660*time.Second - 1, nil, cache.Stale},
		{"past", "", 660 * time.Second, nil, cache.Error},
		{"a reply shortens it", "stale-if-error=5", 65 * time.Second, nil, cache.Error},
		{"a reply does not lengthen it", "stale-if-error=86400", 661 * time.Second, nil, cache.Error},
		{"must-revalidate", "must-revalidate", 61 * time.Second, nil, cache.Error},
		{"s-maxage", "s-maxage=60", 61 * time.Second, nil, cache.Error},
		{"fresh and no-cache", "", 1 * time.Second, []grpc.CallOption{cache.NoCache()}, cache.Error},
		{"max-age", "", 61 * time.Second, []grpc.CallOption{cache.MaxAge(time.Hour)}, cache.Error},
		{"min-fresh", "", 61 * time.Second, []grpc.CallOption{cache.MinFresh(0)}, cache.Error},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				if tt.said != "" {
					r.shop.said = metadata.Pairs("cache-control", tt.said)
				}
				r.want("1", cache.Miss, 1)
				pass(tt.aged)
				r.failWith(status.Error(codes.Unavailable, "down"))
				if _, out, err := r.tryGet(t.Context(), "1", tt.opts...); out.Result != tt.want {
					t.Errorf("got %+v, %v, want %v", out, err, tt.want)
				}
			})
		})
	}
}

// An invalidated reply is untrue, not old: it is never served, whatever fails.
func TestInvalidatedIsNeverStale(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		r.cache.Invalidate("product:1")
		r.failWith(status.Error(codes.Unavailable, "down"))
		if _, out, err := r.tryGet(t.Context(), "1"); err == nil {
			t.Errorf("got %+v, want the error", out)
		}
	})
}

// An invalidation that comes while the origin is failing counts too.
func TestInvalidatedWhileFailing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			take(time.Second)
			r.cache.Invalidate("product:1")
			return nil, status.Error(codes.Unavailable, "down")
		}
		if _, out, err := r.tryGet(t.Context(), "1"); err == nil {
			t.Errorf("got %+v, want the error", out)
		}
	})
}

func TestStaleWhenNoBackendIsReached(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		r.server.Stop()
		_ = r.listener.Close()
		pass(61 * time.Second)
		// A wait-for-ready call learns of no failure: its deadline decides.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, out, err := r.tryGet(ctx, "1", grpc.WaitForReady(true))
		if err != nil || out.Result != cache.Stale || time.Since(begun) != 3*time.Second-5*time.Millisecond {
			t.Errorf("got %+v, %v after %v; want the stale reply 5ms before the deadline", out, err, time.Since(begun))
		}
		// After that nobody waits, whether the call would or not.
		begun = time.Now()
		if serial, out, err := r.tryGet(t.Context(), "1"); err != nil || out.Result != cache.Stale || serial != 1 || time.Since(begun) != 0 {
			t.Errorf("got %d, %+v, %v after %v; want the stale reply at once", serial, out, err, time.Since(begun))
		}
	})
}

func TestStaleBeforeTheDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			take(time.Second)
			return &testv1.GetProductResponse{Serial: 50}, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		serial, out, err := r.tryGet(ctx, "1")
		if err != nil || serial != 1 || out.Result != cache.Stale || time.Since(begun) != 95*time.Millisecond {
			t.Errorf("got %d, %+v, %v after %v; want the stale reply at 95ms", serial, out, err, time.Since(begun))
		}
		pass(time.Second) // what the origin brings late is stored
		r.want("1", cache.Hit, 50)
	})
}

// Without a stale reply to serve, the deadline is the caller's.
func TestDeadlineWithoutStale(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		gone := make(chan error, 1)
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			<-ctx.Done()
			gone <- ctx.Err()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, out, err := r.tryGet(ctx, "1")
		if status.Code(err) != codes.DeadlineExceeded || out.Result != cache.Error || time.Since(begun) != 100*time.Millisecond {
			t.Errorf("got %+v, %v after %v", out, err, time.Since(begun))
		}
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the origin saw %v, want its call cancelled", err)
		}
	})
}
