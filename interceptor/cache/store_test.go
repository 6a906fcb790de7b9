package cache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// mapStore is a store that can be made to fail and to lie.
type mapStore struct {
	mu     sync.Mutex
	m      map[store.Key][]byte
	ttl    time.Duration // of the last Set
	get    func(value []byte) ([]byte, bool, error)
	set    func() error
	closed bool
}

func newMapStore() *mapStore { return &mapStore{m: map[store.Key][]byte{}} }

func (s *mapStore) Get(_ context.Context, key store.Key) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.m[key]
	v = append([]byte(nil), v...)
	if ok && s.get != nil {
		return s.get(v)
	}
	return v, ok, nil
}

func (s *mapStore) Set(_ context.Context, key store.Key, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set != nil {
		return s.set()
	}
	s.m[key], s.ttl = append([]byte(nil), value...), ttl
	return nil
}

func (s *mapStore) Delete(_ context.Context, key store.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *mapStore) Close() error { s.closed = true; return nil }

func TestFailingStoreCostsMisses(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		spoil  func(*mapStore)
		errors uint64
	}{
		{"get fails", func(s *mapStore) { s.get = func([]byte) ([]byte, bool, error) { return nil, false, boom } }, 2},
		{"get panics", func(s *mapStore) { s.get = func([]byte) ([]byte, bool, error) { panic(boom) } }, 2},
		{"set fails", func(s *mapStore) { s.set = func() error { return boom } }, 3},
		{"set panics", func(s *mapStore) { s.set = func() error { panic(boom) } }, 3},
		{"set refuses the size", func(s *mapStore) { s.set = func() error { return store.ErrTooLarge } }, 0},
		{"empty value", func(s *mapStore) { s.get = func([]byte) ([]byte, bool, error) { return nil, true, nil } }, 2},
		{"truncated", func(s *mapStore) { s.get = func(v []byte) ([]byte, bool, error) { return v[1:], true, nil } }, 2},
		{"lengthened", func(s *mapStore) { s.get = func(v []byte) ([]byte, bool, error) { return append(v, 0), true, nil } }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newMapStore()
			r := newRig(t, cache.WithStore(s))
			tt.spoil(s)
			for i := range int64(3) {
				r.want("1", cache.Miss, i+1)
			}
			if got := r.cache.Stats(); got.StoreErrors != tt.errors || got.Misses != 3 {
				t.Errorf("got %+v, want %d store errors and 3 misses", got, tt.errors)
			}
		})
	}
}

// Every single damaged byte of a value is a miss, never another reply.
func TestDamagedValuesAreMisses(t *testing.T) {
	s := newMapStore()
	r := newRig(t, cache.WithStore(s))
	r.want("1", cache.Miss, 1)
	var value []byte
	for _, v := range s.m {
		value = v
	}
	for i := range value {
		s.get = func(v []byte) ([]byte, bool, error) {
			v[i] ^= 1 << (i % 8)
			return v, true, nil
		}
		if _, out := r.get("1"); out.Result != cache.Miss {
			t.Fatalf("byte %d flipped: got %v", i, out.Result)
		}
		s.get = nil
	}
}

func TestSwappedValuesAreMisses(t *testing.T) {
	s := newMapStore()
	r := newRig(t, cache.WithStore(s))
	r.want("1", cache.Miss, 1)
	r.want("2", cache.Miss, 2)
	var keys []store.Key
	for k := range s.m {
		keys = append(keys, k)
	}
	s.m[keys[0]], s.m[keys[1]] = s.m[keys[1]], s.m[keys[0]]
	r.want("1", cache.Miss, 3)
	r.want("2", cache.Miss, 4)
}

// Two caches on one store share no entry: each has a clock of its own.
func TestCachesOnOneStore(t *testing.T) {
	s := newMapStore()
	a, b := newRig(t, cache.WithStore(s)), newRig(t, cache.WithStore(s))
	a.want("1", cache.Miss, 1)
	b.want("1", cache.Miss, 1)
	if len(s.m) != 2 {
		t.Errorf("got %d values, want 2", len(s.m))
	}
	if err := a.cache.Close(); err != nil || s.closed {
		t.Errorf("Close: %v, and the caller's store closed: %v", err, s.closed)
	}
}

func TestStoresLifetimeCoversTheStaleWindow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newMapStore()
		r := newRig(t, cache.WithStore(s))
		r.slow(5 * time.Second)
		r.want("1", cache.Miss, 1)
		if want := 655 * time.Second; s.ttl != want {
			t.Errorf("got a ttl of %v, want %v: max_age and stale_if_error, less the age", s.ttl, want)
		}
	})
}

func TestLargeRepliesAreReturnedAndNotStored(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.shop.list = func(context.Context, *testv1.ListProductsRequest) (*testv1.ListProductsResponse, error) {
		return &testv1.ListProductsResponse{Products: []*testv1.Product{{Name: strings.Repeat("x", 100_000)}}}, nil
	}
	for range 2 {
		var out cache.Outcome
		resp, err := r.client.ListProducts(t.Context(), &testv1.ListProductsRequest{}, cache.Report(&out))
		if err != nil || len(resp.GetProducts()[0].GetName()) != 100_000 || out.Stored || out.Detail != "too large" {
			t.Errorf("got %+v, %v; want the reply, and it not stored", out, err)
		}
	}
	// Larger than the whole store: nothing else is evicted for it.
	r.shop.getProduct = func(_ context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return &testv1.GetProductResponse{Product: &testv1.Product{Name: strings.Repeat("x", 2<<20)}}, nil
	}
	if _, out := r.get("2", grpc.MaxCallRecvMsgSize(8<<20)); out.Stored || out.Detail != "too large" {
		t.Errorf("got %+v, want it not stored", out)
	}
	r.want("1", cache.Hit, 1)
}
