package bigcachestore_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

// zeroFor hashes one key to 0, which BigCache takes for a deleted entry: it
// leaves the key in its index when the entry is evicted, pointing into whatever
// comes to lie there. Used as the hasher itself it brings back that defect.
type zeroFor store.Key

func (z zeroFor) Sum64(k string) uint64 {
	if k == string(z[:]) {
		return 0
	}
	return uint64(k[0])<<16 | uint64(k[1])<<24 | uint64(k[2])<<32 | 1<<40
}

// provoke sets a value under bad and fills the ring with ones until it is evicted
// and its place in the index points among them. Then op, done on bad, makes
// BigCache panic, at the latest in one of some rounds. provoke returns the first
// error.
func provoke(s *bigcachestore.Store, bad store.Key, op func() error) error {
	ones := bytes.Repeat([]byte{1}, 20_000)
	for n := range uint64(500) {
		err := setTwice(s, key(n), ones[n*37%2000:])
		switch {
		case n == 20: // not at the start of the ring, where an entry always starts
			err = errors.Join(err, setTwice(s, bad, []byte("x")))
		case n%50 == 0:
			err = errors.Join(err, op())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setTwice gets a value into a full store too.
func setTwice(s *bigcachestore.Store, k store.Key, v []byte) error {
	if err := s.Set(ctx, k, v, time.Hour); err != nil {
		return err
	}
	return s.Set(ctx, k, v, time.Hour)
}

// TestPanicBecomesError has BigCache panic, under its read and under its write
// lock, and checks that the store tells, empties itself and goes on: BigCache
// would keep the lock for ever.
func TestPanicBecomesError(t *testing.T) {
	bad := key(1 << 40)
	for name, op := range map[string]func(*bigcachestore.Store) error{
		"in Get": func(s *bigcachestore.Store) error { _, _, err := s.Get(ctx, bad); return err },
		"in Set": func(s *bigcachestore.Store) error { return s.Set(ctx, bad, []byte("y"), time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := bigcachestore.NewWithHasher(mib, zeroFor(bad))
			closing(t, s, err)
			err = provoke(s, bad, func() error { return op(s) })
			if err == nil || !strings.Contains(err.Error(), "panicked") {
				t.Fatalf("operation = %v, want an error about a panic", err)
			}
			if n := s.Len(); n != 0 {
				t.Errorf("Len() after a panic = %d, want 0", n)
			}
			for _, k := range []store.Key{bad, key(1), key(2)} {
				mustSet(t, s, k, []byte("again"))
				if v, _ := mustGet(t, s, k); string(v) != "again" {
					t.Errorf("after a panic Get gave %q, want %q", v, "again")
				}
			}
		})
	}
}

// TestPanicUnderLoad does the same with many goroutines in the same shards: all
// of them end, and get errors about the panic at worst.
func TestPanicUnderLoad(t *testing.T) {
	bad := key(1 << 40)
	s, err := bigcachestore.NewWithHasher(mib, zeroFor(bad))
	closing(t, s, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				err := provoke(s, bad, func() error {
					_, _, err := s.Get(ctx, bad)
					_ = s.Len() + int(s.Bytes())
					return errors.Join(err, s.Set(ctx, bad, []byte("y"), time.Hour))
				})
				if err != nil && !strings.Contains(err.Error(), "panicked") {
					t.Errorf("operation = %v, want an error about a panic at most", err)
				}
			}
		})
	}
	wg.Wait()
	mustSet(t, s, key(1), []byte("alive"))
	mustSet(t, s, key(1), []byte("alive"))
	if v, _ := mustGet(t, s, key(1)); string(v) != "alive" {
		t.Errorf("after panics under load Get gave %q, want %q", v, "alive")
	}
}
