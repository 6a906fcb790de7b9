package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	encproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
)

// blindCodec decodes nothing.
type blindCodec struct{ encoding.CodecV2 }

func (blindCodec) Unmarshal(mem.BufferSlice, any) error { return errors.New("as scripted") }

// A call that is only-if-cached asks nobody when what is stored does not decode.
func TestOnlyIfCachedOfWhatDoesNotDecode(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	codec := blindCodec{encoding.GetCodecV2(encproto.Name)}
	_, _, err := r.tryGet(t.Context(), "1", cache.OnlyIfCached(), grpc.ForceCodecV2(codec))
	if err == nil || r.shop.calls.Load() != 1 {
		t.Errorf("got %v and %d origin calls, want an error and 1", err, r.shop.calls.Load())
	}
}

// farStore takes its time over all but Get, and heeds its context.
type farStore struct {
	*mapStore
	set, del time.Duration
}

func (s *farStore) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *farStore) Set(ctx context.Context, key store.Key, value []byte, ttl time.Duration) error {
	if err := s.wait(ctx, s.set); err != nil {
		return err
	}
	return s.mapStore.Set(ctx, key, value, ttl)
}

func (s *farStore) Delete(ctx context.Context, key store.Key) error {
	if err := s.wait(ctx, s.del); err != nil {
		return err
	}
	return s.mapStore.Delete(ctx, key)
}

// A store that is asked over a network forgets what a later reply replaced, if
// only it answers within the time that it has.
func TestFarStoreForgets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithStore(&farStore{mapStore: newMapStore(), set: 20 * time.Millisecond, del: 20 * time.Millisecond}))
		r.want("1", cache.Miss, 1)
		pass(time.Second)
		r.want("1", cache.Hit, 1)
		r.shop.said = map[string][]string{"cache-control": {"no-store"}}
		r.want("1", cache.Miss, 2, cache.NoCache())
		pass(time.Second)
		if serial, out := r.get("1"); out.Result == cache.Hit {
			t.Errorf("got %v with serial %d, after the caller had seen 2", out.Result, serial)
		}
		pass(time.Second)
	})
}

// Callers who want the origin's reply, one after another without a pause, leave
// one for those who do not: "The reply is stored."
func TestNoCacheWithoutAPauseIsStored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(100 * time.Millisecond)
		hit := false
		for range 160 { // 8 s
			r.start(t.Context(), cache.NoCache())
			pass(50 * time.Millisecond)
			hit = hit || r.cache.Stats().Stores > 0
		}
		if !hit {
			t.Error("nothing was stored in 8 s and 158 replies")
		}
		pass(time.Second)
	})
}

// An interceptor that makes two attempts at once, as the package doc asks: each
// with a header, trailer, peer and reply of its own.
func TestHedgedWrite(t *testing.T) {
	r := newRig(t)
	r.behind(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		own := make([]grpc.CallOption, 0, len(opts))
		for _, o := range opts {
			switch o.(type) {
			case grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption:
			default:
				own = append(own, o)
			}
		}
		var both sync.WaitGroup
		var errs [2]error
		for i := range errs {
			both.Go(func() {
				errs[i] = invoker(ctx, method, req, reply.(proto.Message).ProtoReflect().New().Interface(), cc, own...)
			})
		}
		both.Wait()
		return errs[0]
	})
	for range 20 {
		if err := r.update("1"); err != nil {
			t.Fatal(err)
		}
	}
}

// A flight whose reply everybody has is over, though a slow store has not taken
// the reply yet: a later call shares nobody's call.
func TestNobodyJoinsWhatHasLanded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithStore(&slowStore{mapStore: newMapStore()}))
		r.want("1", cache.Miss, 1)
		pass(20 * time.Millisecond) // the store takes 100 ms
		if serial, out := r.get("1"); out.Result == cache.Collapsed {
			t.Errorf("got %v with serial %d and age %v, 20 ms after its call had ended", out.Result, serial, out.Age)
		}
		pass(time.Second)
	})
}
