package cache_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// answer is one caller's end.
type answer struct {
	serial int64
	out    cache.Outcome
	err    error
	at     time.Duration
}

// slow makes the origin take d over each reply.
func (r *rig) slow(d time.Duration) {
	r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		n := r.shop.calls.Load()
		select {
		case <-time.After(d):
			return &testv1.GetProductResponse{Serial: n, Product: &testv1.Product{Id: req.GetId()}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// start makes a call in the background.
func (r *rig) start(ctx context.Context, opts ...grpc.CallOption) <-chan answer {
	out := make(chan answer, 1)
	begun := time.Now()
	go func() {
		var a answer
		a.serial, a.out, a.err = r.tryGet(ctx, "1", opts...)
		a.at = time.Since(begun)
		out <- a
	}()
	synctest.Wait()
	return out
}

func TestThousandCallersOneOriginCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := map[cache.Result]int{}
		for range 1000 {
			wg.Go(func() {
				reply := &testv1.GetProductResponse{}
				var out cache.Outcome
				err := r.conn.Invoke(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: "1"}, reply, cache.Report(&out))
				if err != nil || reply.GetSerial() != 1 || reply.GetProduct().GetId() != "1" {
					t.Errorf("got %v, %v", reply, err)
				}
				reply.Product.Id = "changed" // each caller's own
				mu.Lock()
				count[out.Result]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if n := r.shop.calls.Load(); n != 1 {
			t.Errorf("got %d origin calls, want 1", n)
		}
		if count[cache.Miss] != 1 || count[cache.Collapsed] != 999 {
			t.Errorf("got %v, want 1 miss and 999 collapsed", count)
		}
		if s := r.cache.Stats(); s.Collapsed != 999 || s.Calls != 1000 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestLeadersCancellationIsItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		leader := r.start(ctx)
		follower := r.start(t.Context())
		cancel()
		if a := <-leader; status.Code(a.err) != codes.Canceled || a.at != 0 {
			t.Errorf("leader: got %+v, want CANCELLED at once", a)
		}
		if a := <-follower; a.err != nil || a.serial != 1 || a.at != time.Second {
			t.Errorf("follower: got %+v, want the first call's reply", a)
		}
		r.want("1", cache.Hit, 1)
	})
}

func TestFollowerKeepsItsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(700 * time.Millisecond)
		leader := r.start(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if a := <-r.start(ctx); status.Code(a.err) != codes.DeadlineExceeded || a.at != 50*time.Millisecond || !a.out.Collapsed {
			t.Errorf("follower: got %+v, want DEADLINE_EXCEEDED at 50ms", a)
		}
		if a := <-leader; a.err != nil {
			t.Errorf("leader: got %v", a.err)
		}
	})
}

func TestLastWaiterCancelsTheFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		var ended time.Time
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			<-ctx.Done()
			ended = time.Now()
			return nil, ctx.Err()
		}
		begun := time.Now()
		one, cancelOne := context.WithTimeout(t.Context(), time.Second)
		defer cancelOne()
		two, cancelTwo := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancelTwo()
		first, second := r.start(one), r.start(two)
		<-first
		<-second
		synctest.Wait()
		if ended.Sub(begun) != 2*time.Second {
			t.Errorf("the origin call ended after %v, want with its last waiter at 2s", ended.Sub(begun))
		}
		// A later caller begins anew.
		r.shop.getProduct = nil
		r.want("1", cache.Miss, 2)
	})
}

func TestOneWaiterLeavesAnotherComes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		leader, stays := r.start(ctx), r.start(t.Context())
		cancel()
		<-leader
		late := r.start(t.Context())
		<-stays
		if a := <-late; a.err != nil || a.serial != 1 || r.shop.calls.Load() != 1 {
			t.Errorf("got %+v after %d calls, want one call for all", a, r.shop.calls.Load())
		}
	})
}

// Replies that are not for others send the others to the origin themselves.
func TestUnshareableRepliesAreNotShared(t *testing.T) {
	for _, said := range []string{"no-store", "private", "no-cache", "max-age=0", "max-age=x"} {
		t.Run(said, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.slow(time.Second)
				r.shop.said = metadata.Pairs("cache-control", said)
				var header metadata.MD
				leader, follower, other := r.start(t.Context()), r.start(t.Context(), grpc.Header(&header)), r.start(t.Context())
				serials := map[int64]bool{}
				for _, c := range []<-chan answer{leader, follower, other} {
					a := <-c
					serials[a.serial] = true
					if a.err != nil || a.out.Result != cache.Miss {
						t.Errorf("got %+v, want a miss", a)
					}
				}
				if len(serials) != 3 {
					t.Errorf("got replies %v, want three different ones", serials)
				}
				if got := header.Get("cache-status"); len(got) != 1 || !contains(got[0], "collapsed=?0") {
					t.Errorf("cache-status: got %q, want collapsed=?0", got)
				}
			})
		})
	}
}

func TestIdentityErrorsAreNotShared(t *testing.T) {
	for _, code := range []codes.Code{codes.Unauthenticated, codes.PermissionDenied} {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					take(time.Second)
					if len(metadata.ValueFromIncomingContext(ctx, "authorization")) == 0 {
						return nil, status.Error(code, "who?")
					}
					return &testv1.GetProductResponse{Serial: 9}, nil
				}
				leader := r.start(t.Context())
				follower := r.start(metadata.AppendToOutgoingContext(t.Context(), "authorization", "me"))
				if a := <-leader; status.Code(a.err) != code {
					t.Errorf("leader: got %+v", a)
				}
				if a := <-follower; a.err != nil || a.serial != 9 {
					t.Errorf("follower: got %+v, want its own reply", a)
				}
			})
		})
	}
}

func TestOtherErrorsAreShared(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			take(time.Second)
			return nil, status.Error(codes.NotFound, "no such product")
		}
		for _, c := range []<-chan answer{r.start(t.Context()), r.start(t.Context()), r.start(t.Context())} {
			if a := <-c; status.Code(a.err) != codes.NotFound || a.out.Result != cache.Error {
				t.Errorf("got %+v", a)
			}
		}
		if n := r.shop.calls.Load(); n != 1 {
			t.Errorf("got %d origin calls, want 1", n)
		}
		r.shop.getProduct = nil
		r.want("1", cache.Miss, 2) // errors are not stored
	})
}

func TestNoCacheJoinsNoOlderFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		old := r.start(t.Context())
		pass(500 * time.Millisecond)
		anew := r.start(t.Context(), cache.NoCache())
		late := r.start(t.Context())
		if a := <-old; a.serial != 1 {
			t.Errorf("old: got %+v", a)
		}
		if a := <-anew; a.serial != 2 || a.out.Result != cache.Miss {
			t.Errorf("no-cache: got %+v, want a call of its own", a)
		}
		if a := <-late; a.serial != 2 || a.out.Result != cache.Collapsed {
			t.Errorf("late: got %+v, want the later flight's reply", a)
		}
		r.want("1", cache.Hit, 2)
	})
}

// A slower, older flight does not replace what a later one has stored.
func TestOlderFlightStoresNothingOverALaterOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(10 * time.Second)
		old := r.start(t.Context())
		r.slow(time.Second)
		<-r.start(t.Context(), cache.NoCache())
		if a := <-old; a.serial != 1 || a.out.Stored || a.out.Detail != "superseded" {
			t.Errorf("old: got %+v", a)
		}
		r.want("1", cache.Hit, 2)
	})
}

func TestFlightsMaximumAge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithFetchTimeout(5*time.Second))
		r.slow(50 * time.Second)
		stalled := r.start(t.Context())
		pass(4 * time.Second)
		joins := r.start(t.Context())
		pass(time.Second)
		r.slow(time.Second)
		if a := <-r.start(t.Context()); a.serial != 2 || a.out.Result != cache.Miss {
			t.Errorf("got %+v, want a flight of its own past the maximum age", a)
		}
		// Nobody's wait is cut short by it.
		if a := <-stalled; a.err != nil || a.at != 50*time.Second {
			t.Errorf("stalled: got %+v", a)
		}
		if a := <-joins; a.err != nil || a.serial != 1 {
			t.Errorf("joined: got %+v", a)
		}
	})
}

func TestFollowersReceiveLimitIsItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		leader := r.start(t.Context(), grpc.MaxCallRecvMsgSize(1))
		wide := r.start(t.Context())
		narrow := r.start(t.Context(), grpc.MaxCallRecvMsgSize(2))
		if a := <-leader; status.Code(a.err) != codes.ResourceExhausted {
			t.Errorf("leader: got %+v", a)
		}
		if a := <-wide; a.err != nil {
			t.Errorf("wide: got %+v", a)
		}
		if a := <-narrow; status.Code(a.err) != codes.ResourceExhausted {
			t.Errorf("narrow: got %+v", a)
		}
	})
}

func TestPanicInAFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		boom := true
		r := newRig(t)
		r.conn = dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if boom {
					take(time.Second)
					panic("boom")
				}
				return invoker(ctx, method, req, reply, cc, opts...)
			}))...)
		r.client = testv1.NewShopClient(r.conn)
		leader, follower := r.start(t.Context()), r.start(t.Context())
		for _, c := range []<-chan answer{leader, follower} {
			if a := <-c; status.Code(a.err) != codes.Internal {
				t.Errorf("got %+v, want INTERNAL", a)
			}
		}
		boom = false
		r.want("1", cache.Miss, 1)
	})
}

// The request is the caller's again when its call has ended, though the flight
// goes on.
func TestRequestsMayBeReused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		release := make(chan struct{})
		conn := dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				<-release
				return invoker(ctx, method, req, reply, cc, opts...)
			}))...)
		client := testv1.NewShopClient(conn)
		ctx, cancel := context.WithCancel(t.Context())
		req := &testv1.GetProductRequest{Id: "1"}
		go func() { _, _ = client.GetProduct(ctx, req) }()
		synctest.Wait()
		follower := make(chan *testv1.GetProductResponse)
		go func() {
			resp, err := client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
			if err != nil {
				t.Error(err)
			}
			follower <- resp
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		req.Id = "2"
		close(release)
		if resp := <-follower; resp.GetProduct().GetId() != "1" {
			t.Errorf("got product %q, want 1", resp.GetProduct().GetId())
		}
	})
}

// Callers of one method may decode into different Go types.
func TestGeneratedAndDynamicMessages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		md := (&testv1.GetProductResponse{}).ProtoReflect().Descriptor()
		replies := []proto.Message{&testv1.GetProductResponse{}, dynamicpb.NewMessage(md), &testv1.GetProductResponse{}, dynamicpb.NewMessage(md)}
		var wg sync.WaitGroup
		for _, reply := range replies {
			wg.Go(func() {
				if err := r.conn.Invoke(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{Id: "1"}, reply); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		for _, reply := range replies[1:] {
			equal(t, reply, replies[0])
		}
		if n := r.shop.calls.Load(); n != 1 {
			t.Errorf("got %d origin calls, want 1", n)
		}
	})
}
