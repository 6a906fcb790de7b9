package bigcachestore_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	kib = 1 << 10
	mib = 1 << 20
)

var ctx = context.Background()

// newStore returns a store of a budget that is closed at the end of the test.
func newStore(tb testing.TB, maxBytes int64) *bigcachestore.Store {
	tb.Helper()
	s, err := bigcachestore.New(bigcachestore.WithMaxBytes(maxBytes))
	return closing(tb, s, err)
}

func closing(tb testing.TB, s *bigcachestore.Store, err error) *bigcachestore.Store {
	tb.Helper()
	if err != nil {
		tb.Fatalf("New = %v, want nil", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close() = %v, want nil", err)
		}
	})
	return s
}

// key returns one of 2^64 keys with nothing in common but their length.
func key(i uint64) store.Key {
	r := rand.New(rand.NewPCG(i, 0x5eed))
	var k store.Key
	for at := 0; at < len(k); at += 8 {
		binary.LittleEndian.PutUint64(k[at:], r.Uint64())
	}
	return k
}

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustSet(tb failer, s store.Store, k store.Key, v []byte) {
	tb.Helper()
	if err := s.Set(ctx, k, v, time.Hour); err != nil {
		tb.Fatalf("Set of %d bytes = %v, want nil", len(v), err)
	}
}

func mustGet(tb failer, s store.Store, k store.Key) ([]byte, bool) {
	tb.Helper()
	v, found, err := s.Get(ctx, k)
	if err != nil {
		tb.Fatalf("Get = %v, want no error", err)
	}
	return v, found
}
