package cache_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
)

// badStore fails, panics, lies and takes its time, at random.
type badStore struct {
	mu    sync.Mutex
	m     map[store.Key][]byte
	order []store.Key
	rng   *rand.Rand
}

var errBad = errors.New("the store is bad today")

// mood says what an operation does beside or instead of its work.
func (s *badStore) mood(ctx context.Context) error {
	s.mu.Lock()
	n, wait := s.rng.IntN(200), time.Duration(s.rng.Int64N(int64(3*time.Millisecond)))
	s.mu.Unlock()
	switch {
	case n < 10:
		return errBad
	case n < 12:
		panic(errBad)
	case n < 30:
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *badStore) Get(ctx context.Context, key store.Key) ([]byte, bool, error) {
	if err := s.mood(ctx); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.m[key]
	if !ok {
		return nil, false, nil
	}
	v = append([]byte(nil), v...)
	switch n := s.rng.IntN(100); {
	case n < 4: // a flipped bit
		v[s.rng.IntN(len(v))] ^= 1 << s.rng.IntN(8)
	case n < 6: // cut short
		v = v[:s.rng.IntN(len(v))]
	case n < 8: // another key's
		v = append([]byte(nil), s.m[s.order[s.rng.IntN(len(s.order))]]...)
	case n < 9:
		return nil, true, nil
	}
	return v, true, nil
}

func (s *badStore) Set(ctx context.Context, key store.Key, value []byte, _ time.Duration) error {
	if err := s.mood(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rng.IntN(20) == 0 {
		return nil // or so it says
	}
	if _, known := s.m[key]; !known {
		s.order = append(s.order, key)
	}
	s.m[key] = append([]byte(nil), value...)
	return nil
}

func (s *badStore) Delete(ctx context.Context, key store.Key) error {
	if err := s.mood(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m[key] != nil {
		s.m[key] = []byte("gone")
	}
	return nil
}

func (*badStore) Close() error { return nil }

// whim is what a call asks of the cache for itself.
func whim(rng *rand.Rand) []grpc.CallOption {
	switch rng.IntN(24) {
	case 0:
		return []grpc.CallOption{cache.NoCache()}
	case 1:
		return []grpc.CallOption{cache.NoStore()}
	case 2:
		return []grpc.CallOption{cache.OnlyIfCached()}
	case 3:
		return []grpc.CallOption{cache.MaxAge(time.Duration(rng.Int64N(int64(historyBound))))}
	case 4:
		return []grpc.CallOption{cache.MinFresh(time.Duration(rng.Int64N(int64(historyBound))))}
	case 5:
		return []grpc.CallOption{cache.MaxStale(time.Duration(rng.Int64N(int64(historyBound))))}
	case 6:
		return []grpc.CallOption{cache.MinVersion(1)}
	}
	return nil
}

// TestChaos does everything at once over a store that cannot be relied on: no answer is
// wrong or older than it may be, nothing panics, and every call is counted once. That
// nothing is left behind is TestMain's to see.
func TestChaos(t *testing.T) {
	d := 2 * time.Second
	if text := os.Getenv("FRESHET_CHAOS"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatalf("FRESHET_CHAOS: %v", err)
		}
	}
	seed := historySeed(t)
	s := &badStore{m: map[store.Key][]byte{}, rng: rand.New(rand.NewPCG(seed, 7))}
	h := newHistorian(t, true, "", seed, cache.WithStore(s))
	h.whims = true
	wrong, ops := h.rounds(d)
	if wrong != "" {
		t.Fatal(wrong)
	}
	got := h.cache.Stats()
	t.Logf("%d operations; %+v", ops, got)
	if got.StoreErrors == 0 || got.Hits == 0 || got.Lagging == 0 {
		t.Errorf("the chaos is of no use: %+v", got)
	}
	if sum := got.Hits + got.Stale + got.Validated + got.Misses + got.Collapsed + got.Bypassed + got.Errors; got.Calls != sum || got.Calls != h.calls.Load() {
		t.Errorf("%d calls were made, %d counted, %d by result", h.calls.Load(), got.Calls, sum)
	}
}
