package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// Each attempt of a retrying interceptor writes for itself: that it names the
// groups that the one before had named makes no difference.
func TestEveryAttemptIsHeard(t *testing.T) {
	r := newRig(t)
	between := func() {}
	r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoker(ctx, method, req, reply, cc, opts...)
		if method == testv1.Shop_Touch_FullMethodName {
			between()
			err = invoker(ctx, method, req, reply, cc, opts...)
		}
		return err
	})
	r.shop.trailed = metadata.Pairs("cache-group-invalidation", `"product:1"`)
	between = func() { r.want("1", cache.Miss, 2) } // what the first attempt left
	if _, err := r.client.Touch(t.Context(), &testv1.TouchRequest{}); err != nil {
		t.Fatal(err)
	}
	if serial, out := r.get("1"); out.Result == cache.Hit {
		t.Errorf("got the reply %d from before the second attempt", serial)
	}
}

// A write that the caller is told has succeeded is applied, though no attempt
// below did.
func TestWriteThatAnInterceptorMadeGood(t *testing.T) {
	r := newRig(t)
	r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoker(ctx, method, req, reply, cc, opts...)
		if status.Code(err) == codes.AlreadyExists {
			return nil
		}
		return err
	})
	r.want("1", cache.Miss, 1)
	r.shop.update = func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
		return nil, status.Error(codes.AlreadyExists, "as scripted")
	}
	if err := r.update("1"); err != nil {
		t.Fatal(err)
	}
	if serial, out := r.get("1"); out.Result == cache.Hit {
		t.Errorf("got the reply %d from before the acknowledged write", serial)
	}
}

// A request that is sent encoded is a request.
func TestPreparedMutation(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	stream, err := r.conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, testv1.Shop_Restock_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	prepared := &grpc.PreparedMsg{}
	if err := prepared.Encode(stream, &testv1.RestockRequest{Id: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(prepared); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := drain(func() (*testv1.RestockResponse, error) {
		m := &testv1.RestockResponse{}
		return m, stream.RecvMsg(m)
	}); err != nil {
		t.Fatal(err)
	}
	if serial, out := r.get("1"); out.Result == cache.Hit {
		t.Errorf("got the reply %d from before the write", serial)
	}
}

// slowStore takes its time over the first Set.
type slowStore struct {
	*mapStore
	sets atomic.Int32
}

func (s *slowStore) Set(ctx context.Context, key store.Key, value []byte, ttl time.Duration) error {
	if s.sets.Add(1) == 1 {
		take(100 * time.Millisecond)
	}
	return s.mapStore.Set(ctx, key, value, ttl)
}

// What a slow store stores late does not replace what came after it.
func TestLateSetReplacesNothingNewer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithStore(&slowStore{mapStore: newMapStore()}))
		r.want("1", cache.Miss, 1)
		r.want("1", cache.Miss, 2, cache.NoCache())
		pass(time.Second)
		if serial, out := r.get("1"); serial < 2 {
			t.Errorf("got %v with serial %d, after the caller had seen 2", out.Result, serial)
		}
	})
}

// A caller that gives up while the store is asked is no failure of the store.
func TestCancellationIsNoStoreError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithStore(hungStore{get: true}))
		ctx, cancel := context.WithCancel(t.Context())
		call := r.start(ctx)
		cancel()
		<-call
		if s := r.cache.Stats(); s.StoreErrors != 0 {
			t.Errorf("got %d store errors, want none", s.StoreErrors)
		}
		pass(2 * time.Hour)
	})
}

// After Close the last waiter's leaving ends a flight, though another had left
// it to go on for the store's sake.
func TestNothingGoesOnAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		pass(61 * time.Second)
		ended := false
		r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			<-ctx.Done()
			ended = true
			return nil, ctx.Err()
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		leader := r.start(short)
		long, giveUp := context.WithCancel(t.Context())
		follower := r.start(long)
		if a := <-leader; a.out.Result != cache.Stale {
			t.Fatalf("got %+v", a)
		}
		if err := r.cache.Close(); err != nil {
			t.Fatal(err)
		}
		giveUp()
		<-follower
		pass(time.Second)
		if !ended {
			t.Error("the origin is still at it a second later")
		}
	})
}

// Under traffic that never pauses a reply of no lifetime is still kept for
// stale_if_error: the latest, not the first.
func TestStaleIfErrorOfWhatIsNeverFresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.said = metadata.Pairs("cache-control", "max-age=0")
		r.slow(100 * time.Millisecond)
		for range 160 { // 8 s
			r.start(t.Context())
			pass(50 * time.Millisecond)
		}
		r.failWith(status.Error(codes.Unavailable, "as scripted"))
		a := <-r.start(t.Context())
		if a.err != nil || a.out.Result != cache.Stale || a.out.Age > time.Second {
			t.Errorf("got %v of age %v, %v; want a stale reply of less than a second", a.out.Result, a.out.Age, a.err)
		}
		pass(time.Second)
		synctest.Wait()
	})
}
