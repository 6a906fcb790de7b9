package cache_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// Credentials that a call carries as an option are seen by no extractor: callers
// that it takes for one, the anonymous one, are not answered with each other's
// replies.
func TestCallCredentialsAreNotAnonymous(t *testing.T) {
	fromMetadata := func(ctx context.Context) (string, error) {
		if who := metadata.ValueFromOutgoingContext(ctx, "authorization"); len(who) > 0 {
			return who[0], nil
		}
		return "", nil
	}
	r := newRig(t, cache.WithPrincipal(fromMetadata))
	for _, who := range []string{"alice", "bob"} {
		resp, err := r.client.GetBasket(t.Context(), &testv1.GetBasketRequest{}, grpc.PerRPCCredentials(token{value: who}))
		if err != nil || resp.GetOwner() != who {
			t.Errorf("%s got the basket of %q, %v", who, resp.GetOwner(), err)
		}
	}
	resp, err := r.client.GetBasket(t.Context(), &testv1.GetBasketRequest{})
	if err != nil || resp.GetOwner() != "" {
		t.Errorf("nobody got the basket of %q, %v", resp.GetOwner(), err)
	}
}

// Nor are they part of a key that names their metadata.
func TestCallCredentialsAndVary(t *testing.T) {
	set, err := cachepolicy.Parse("test", []byte(`{"methods": [{"method": "/freshet.test.v1.Shop/GetBasket",
		"policy": {"cache": {"max_age": "60s", "scope": "PUBLIC", "vary": ["authorization"]}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, cache.WithPolicies(set))
	for _, who := range []string{"alice", "bob"} {
		resp, err := r.client.GetBasket(t.Context(), &testv1.GetBasketRequest{}, grpc.PerRPCCredentials(token{value: who}))
		if err != nil || resp.GetOwner() != who {
			t.Errorf("%s got the basket of %q, %v", who, resp.GetOwner(), err)
		}
	}
}

// A call that forbids asking the origin does not ask it, whatever keeps the
// cache from having a part in it.
func TestOnlyIfCachedNeverAsks(t *testing.T) {
	for _, tt := range []struct {
		name string
		call func(r *rig, ctx context.Context, opts ...grpc.CallOption) error
	}{
		{"no principal", func(r *rig, ctx context.Context, opts ...grpc.CallOption) error {
			_, err := r.client.GetBasket(ctx, &testv1.GetBasketRequest{}, opts...)
			return err
		}},
		{"closed", func(r *rig, ctx context.Context, opts ...grpc.CallOption) error {
			_ = r.cache.Close()
			_, err := r.client.GetProduct(ctx, &testv1.GetProductRequest{}, opts...)
			return err
		}},
		{"another condition", func(r *rig, ctx context.Context, opts ...grpc.CallOption) error {
			ctx = metadata.AppendToOutgoingContext(ctx, "if-none-match", `"x"`)
			_, err := r.client.GetProduct(ctx, &testv1.GetProductRequest{}, opts...)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, ctx := range map[string]context.Context{
				"option":   t.Context(),
				"metadata": metadata.AppendToOutgoingContext(t.Context(), "cache-control", "only-if-cached"),
			} {
				r := newRig(t)
				var opts []grpc.CallOption
				if name == "option" {
					opts = append(opts, cache.OnlyIfCached())
				}
				if err := tt.call(r, ctx, opts...); err == nil || r.shop.calls.Load() != 0 {
					t.Errorf("by %s: got %v and %d origin calls, want an error and none", name, err, r.shop.calls.Load())
				}
			}
		})
	}
}

// hungStore is reached over a network that swallows everything: as package store
// has it, it answers when the context ends.
type hungStore struct{ get, set bool }

func (s hungStore) Get(ctx context.Context, _ store.Key) ([]byte, bool, error) {
	return nil, false, s.hang(ctx, s.get)
}

func (s hungStore) Set(ctx context.Context, _ store.Key, _ []byte, _ time.Duration) error {
	return s.hang(ctx, s.set)
}
func (s hungStore) Delete(ctx context.Context, _ store.Key) error { return s.hang(ctx, s.set) }
func (s hungStore) Close() error                                  { return nil }

func (hungStore) hang(ctx context.Context, yes bool) error {
	if !yes {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Hour): // the connection is given up
		return net.ErrClosed
	}
}

// A store that does not answer costs misses, and no calls.
func TestHungStoreFailsNoCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		store hungStore
	}{{"get", hungStore{get: true}}, {"set", hungStore{set: true}}} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, cache.WithStore(tt.store))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if _, out, err := r.tryGet(ctx, "1"); err != nil {
					t.Errorf("got %+v, %v; the origin answers at once", out, err)
				}
				pass(2 * time.Hour) // what hangs, gives up
			})
		})
	}
}

// Zero options are no reason to crash.
func TestZeroOptions(t *testing.T) {
	for name, opt := range map[string]grpc.CallOption{
		"zero CallOption": cache.CallOption{}, "Report of nothing": cache.Report(nil),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			r := newRig(t)
			r.want("1", cache.Miss, 1, opt)
			if _, err := r.client.Peek(t.Context(), &testv1.PeekRequest{}, opt); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who waited in vain for a reply that turned out not to be for sharing takes
// twice as long as alone. That is not to be avoided the first time, and not to be
// repeated with every call for what is never shared.
func TestUnshareableRepliesDelayOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(100 * time.Millisecond)
		r.shop.said = metadata.Pairs("cache-control", "no-store")
		for round := range 3 {
			r.start(t.Context())
			pass(10 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			follower := r.start(ctx)
			if a := <-follower; a.err != nil && round > 0 {
				t.Errorf("round %d: got %v after %v, and alone it takes 100ms", round, a.err, a.at)
			}
			cancel()
			pass(time.Second)
		}
	})
}
