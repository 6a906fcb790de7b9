package cache_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// ledger is an origin whose products are version counters. A reply's serial is
// the version that the product had at some moment while the call was handled.
type ledger struct {
	version [4]atomic.Int64 // committed
	known   [4]atomic.Int64 // acknowledged to this client's writers
	rand    func(n int64) int64
}

func (l *ledger) pause() { <-time.After(time.Duration(l.rand(300)) * time.Microsecond) }

func (l *ledger) install(s *shop) {
	s.getProduct = func(_ context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		i, _ := strconv.Atoi(req.GetId())
		l.pause()
		v := l.version[i].Load()
		l.pause() // what was read is old by the time it is sent
		if l.rand(20) == 0 {
			return nil, status.Error(codes.Unavailable, "flaky")
		}
		return &testv1.GetProductResponse{Serial: v}, nil
	}
	s.update = func(_ context.Context, req *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
		i, _ := strconv.Atoi(req.GetProduct().GetId())
		l.pause()
		v := l.version[i].Add(1)
		l.pause()
		return &testv1.UpdateProductResponse{Serial: v}, nil
	}
}

// No reply, cached or not, is from before a write that this client had seen
// acknowledged when its call began; whatever races.
func TestNoReplyFromBeforeAnAcknowledgedWrite(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	l := &ledger{rand: func(n int64) int64 { mu.Lock(); defer mu.Unlock(); return rng.Int64N(n) }}
	r := newRig(t)
	l.install(r.shop)

	ops := 1500
	if testing.Short() {
		ops = 300
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range ops {
				i := l.rand(int64(len(l.version)))
				id := strconv.FormatInt(i, 10)
				if w < 2 && l.rand(8) == 0 {
					resp, err := r.client.UpdateProduct(t.Context(), &testv1.UpdateProductRequest{Product: &testv1.Product{Id: id}})
					if err != nil {
						t.Error(err)
						return
					}
					for v := resp.GetSerial(); ; {
						old := l.known[i].Load()
						if old >= v || l.known[i].CompareAndSwap(old, v) {
							break
						}
					}
					continue
				}
				known := l.known[i].Load()
				serial, out, err := r.tryGet(t.Context(), id)
				if err == nil && serial < known {
					t.Errorf("product %s: got version %d by %v (%s), and version %d was acknowledged before the call", id, serial, out.Result, out.CacheStatus, known)
					return
				}
			}
		})
	}
	wg.Wait()
	s := r.cache.Stats()
	t.Logf("%+v", s)
	if s.Calls != s.Hits+s.Stale+s.Misses+s.Collapsed+s.Bypassed+s.Errors || s.Hits == 0 || s.Collapsed == 0 {
		t.Errorf("the counters do not add up, or the test did not test: %+v", s)
	}
}

// The same without writes through the cache: the application invalidates.
func TestNoReplyFromBeforeAnInvalidation(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 2))
	l := &ledger{rand: func(n int64) int64 { mu.Lock(); defer mu.Unlock(); return rng.Int64N(n) }}
	r := newRig(t, cache.WithFetchTimeout(time.Millisecond))
	l.install(r.shop)
	stop := make(chan struct{})
	var wg, writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i = (i + 1) % len(l.version) {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
				v := l.version[i].Add(1)
				r.cache.Invalidate("product:" + strconv.Itoa(i))
				l.known[i].Store(v)
			}
		}
	})
	for range 6 {
		wg.Go(func() {
			for range 400 {
				i := l.rand(int64(len(l.version)))
				known := l.known[i].Load()
				serial, out, err := r.tryGet(t.Context(), strconv.FormatInt(i, 10))
				if err == nil && serial < known {
					t.Errorf("product %d: got version %d by %v (%s), and version %d was invalidated for before the call", i, serial, out.Result, out.CacheStatus, known)
					return
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	writer.Wait()
	t.Logf("%+v", r.cache.Stats())
}
