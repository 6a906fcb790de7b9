package cache_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// A flight that everybody has left does not store what it brings over the reply
// of a later one, if what is behind the cache does not heed its cancellation.
func TestAbandonedFlightStoresNothingOverALaterOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		first := true
		r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			slow := first
			first = false
			err := invoker(context.WithoutCancel(ctx), method, req, reply, cc, opts...)
			if slow {
				take(10 * time.Second)
			}
			return err
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		leader := r.start(ctx)
		if a := <-leader; status.Code(a.err) != codes.DeadlineExceeded {
			t.Fatalf("got %+v", a)
		}
		r.want("1", cache.Miss, 2)
		pass(20 * time.Second)
		r.want("1", cache.Hit, 2)
	})
}

// When the origin has been asked again and its reply cannot be kept, what it
// replaces is not used any more. RFC 9111 section 4: "When more than one suitable
// response is stored, a cache MUST use the most recent one".
func TestWhatAReplyReplacesIsGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		said string
		big  bool
	}{
		{name: "no-store", said: "no-store"},
		{name: "already stale", said: "max-age=0, stale-if-error=0"},
		{name: "too large", big: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.want("1", cache.Miss, 1)
			if tt.said != "" {
				r.shop.said = map[string][]string{"cache-control": {tt.said}}
			}
			if tt.big {
				r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					return &testv1.GetProductResponse{Serial: 2, Product: &testv1.Product{Picture: make([]byte, 2<<20)}}, nil
				}
			}
			r.want("1", cache.Miss, 2, cache.NoCache())
			if serial, out := r.get("1"); out.Result != cache.Miss {
				t.Errorf("got %v with serial %d, after the caller had seen 2", out.Result, serial)
			}
		})
	}
}

// A flight whose goroutine ends early has no reply, and says so.
func TestGoexitInAFlight(t *testing.T) {
	r := newRig(t)
	r.behind(func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
		runtime.Goexit()
		return nil
	})
	serial, out, err := r.tryGet(t.Context(), "1")
	if status.Code(err) != codes.Internal {
		t.Errorf("got %d, %+v, %v; want INTERNAL", serial, out, err)
	}
}

// preempted is a context whose caller is kept from waiting for a while, once it has
// asked for the reply.
type preempted struct {
	context.Context
	asked *atomic.Bool
}

func (c preempted) Done() <-chan struct{} {
	if c.asked.Swap(true) {
		take(2 * time.Second)
	}
	return c.Context.Done()
}

// What an interceptor behind the cache makes of a reply is for the caller that
// fetched, and for no other, whichever of them comes first to take it.
func TestChangedReplyIsTheFetchersOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			err := invoker(ctx, method, req, reply, cc, opts...)
			take(time.Second)
			reply.(*testv1.GetProductResponse).Serial = 1000
			return err
		})
		leader := r.start(preempted{t.Context(), new(atomic.Bool)})
		follower := r.start(t.Context())
		if a := <-leader; a.err != nil || a.serial != 1000 {
			t.Errorf("the fetcher got %d (%v), %v; want 1000", a.serial, a.out.Result, a.err)
		}
		if a := <-follower; a.err != nil || a.serial != 1 {
			t.Errorf("the other got %d (%v), %v; want 1", a.serial, a.out.Result, a.err)
		}
	})
}

// A call to the origin that nothing will come of is ended when its caller has
// been answered with a stale reply, at Close at the latest.
func TestUselessFlightIsEnded(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []grpc.CallOption
		end  func(r *rig)
	}{
		{"of a call that stores nothing", []grpc.CallOption{cache.NoStore()}, func(*rig) {}},
		{"at Close", nil, func(r *rig) { _ = r.cache.Close() }},
		{"of a call that stores nothing, at Close", []grpc.CallOption{cache.NoStore()}, func(r *rig) { _ = r.cache.Close() }},
		{"that a later one has superseded", nil, func(r *rig) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.want("1", cache.Miss, 1)
				pass(61 * time.Second)
				var ended time.Duration
				begun := time.Now()
				r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					<-ctx.Done()
					if ended == 0 {
						ended = time.Since(begun)
					}
					return nil, ctx.Err()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				call := r.start(ctx, tt.opts...)
				if tt.name == "that a later one has superseded" {
					pass(50 * time.Millisecond)
					later, cancel := context.WithCancel(t.Context())
					r.start(later, cache.NoCache())
					defer cancel()
				}
				if a := <-call; a.out.Result != cache.Stale {
					t.Fatalf("got %+v", a)
				}
				tt.end(r)
				pass(time.Second)
				if ended == 0 {
					t.Error("the origin is still at it a second later")
				}
			})
		})
	}
}

// tag is an option for interceptors behind the cache.
type tag struct {
	grpc.EmptyCallOption
	name string
}

// The slice of options is the caller's again when the call has ended.
func TestOptionsMayBeReused(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var cancel context.CancelFunc
	r := newRig(t, cache.WithPrincipal(func(context.Context) (string, error) { cancel(); return "alice", nil }))
	seen := make(chan string, 1)
	r.behind(func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		for _, o := range opts {
			if o, ok := o.(tag); ok {
				seen <- o.name
			}
		}
		return status.Error(codes.Canceled, "as scripted")
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cancel = stop
	opts := []grpc.CallOption{tag{name: "the first call's"}}
	_ = r.conn.Invoke(ctx, testv1.Shop_GetBasket_FullMethodName, &testv1.GetBasketRequest{}, &testv1.GetBasketResponse{}, opts...)
	opts[0] = tag{name: "the next call's"}
	if got := <-seen; got != "the first call's" {
		t.Errorf("the first call was made with %s option", got)
	}
}
