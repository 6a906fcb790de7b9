package bigcachestore_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []bigcachestore.Option
		want []string
	}{
		{"nothing", []bigcachestore.Option{bigcachestore.WithMaxBytes(0)}, []string{"maxBytes", "1048576", "got 0"}},
		{"a negative budget", []bigcachestore.Option{bigcachestore.WithMaxBytes(-1)}, []string{"maxBytes", "got -1"}},
		{"a byte too few", []bigcachestore.Option{bigcachestore.WithMaxBytes(mib - 1)}, []string{"maxBytes", "got 1048575"}},
		{"a byte too many", []bigcachestore.Option{bigcachestore.WithMaxBytes(1<<40 + 1)}, []string{"maxBytes", "1099511627776", "got 1099511627777"}},
		{"the largest int", []bigcachestore.Option{bigcachestore.WithMaxBytes(math.MaxInt64)}, []string{"maxBytes"}},
		{"no option", []bigcachestore.Option{nil, bigcachestore.WithMaxBytes(1)}, []string{"option 0", "maxBytes", "got 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := bigcachestore.New(tt.opts...)
			if err == nil || s != nil {
				t.Fatalf("New = %v, %v, want an error", s, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("New = %q, want it to say %q", err, part)
				}
			}
		})
	}
}

// TestDefaults pins what the documentation says of a store without options.
func TestDefaults(t *testing.T) {
	s, err := bigcachestore.New()
	closing(t, s, err)
	if got := s.MaxValueBytes(); got != 294_845 {
		t.Errorf("MaxValueBytes() = %d, want 294845", got)
	}
	if got := s.Bytes(); got > 64*mib/4 {
		t.Errorf("Bytes() of a new store = %d, want at most a quarter of 64 MiB", got)
	}
}

func TestLastOptionWins(t *testing.T) {
	s, err := bigcachestore.New(bigcachestore.WithMaxBytes(64*mib), bigcachestore.WithMaxBytes(mib))
	closing(t, s, err)
	if got, want := s.MaxValueBytes(), newStore(t, mib).MaxValueBytes(); got != want {
		t.Errorf("MaxValueBytes() = %d, want %d as with the last budget", got, want)
	}
}

// TestTooLargeSaysBoth: whoever meets it should see the limit and the value.
func TestTooLargeSaysBoth(t *testing.T) {
	s := newStore(t, mib)
	err := s.Set(ctx, key(1), make([]byte, 30_000), time.Hour)
	if !errors.Is(err, store.ErrTooLarge) || !strings.Contains(err.Error(), "21778") || !strings.Contains(err.Error(), "30000") {
		t.Errorf("Set = %v, want ErrTooLarge with 21778 and 30000", err)
	}
}

// TestNothingLiveIsDroppedEarly leaves values of years alone while a wall clock
// in whole seconds, as BigCache has, passes every window that it could have been
// given, and sets others in the same shards, which is when BigCache expires.
func TestNothingLiveIsDroppedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, mib)
		const lives = 100
		for i := range uint64(lives) {
			if err := s.Set(ctx, key(i), []byte("alive"), 80*365*24*time.Hour); err != nil {
				t.Fatalf("Set = %v, want nil", err)
			}
		}
		for _, d := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, 70 * 365 * 24 * time.Hour} {
			<-time.After(d)
			for i := range uint64(200) {
				mustSet(t, s, key(1000+i), []byte("other"))
			}
			for i := range uint64(lives) {
				if _, found := mustGet(t, s, key(i)); !found {
					t.Fatalf("value %d is gone after %v", i, d)
				}
			}
		}
	})
}
