package stage

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

// badStore is a store that can be told to lie and to fail.
type badStore struct {
	Gets, Sets, Deletes atomic.Int64

	mu     sync.Mutex
	mode   string
	values map[store.Key]stored
}

type stored struct {
	value []byte
	until time.Time
}

var _ store.Store = (*badStore)(nil)

func newBadStore(mode string) *badStore {
	return &badStore{mode: mode, values: map[store.Key]stored{}}
}

func (s *badStore) set(mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
}

func (s *badStore) fails() error {
	switch s.mode {
	case "fail":
		return errors.New("the store fails, as scripted")
	case "panic":
		panic("the store panics, as scripted")
	}
	return nil
}

// Get returns what is stored, or something like it.
func (s *badStore) Get(ctx context.Context, key store.Key) ([]byte, bool, error) {
	s.Gets.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mode == "hang" {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, false, ctx.Err()
	}
	if err := s.fails(); err != nil {
		return nil, false, err
	}
	v, ok := s.values[key]
	if !ok || !time.Now().Before(v.until) {
		return nil, false, nil
	}
	out := slices.Clone(v.value)
	switch {
	case len(out) == 0:
	case s.mode == "flip":
		out[len(out)/3] ^= 0x10
	case s.mode == "truncate":
		out = out[:len(out)-1]
	case s.mode == "another":
		for k, other := range s.values {
			if k != key {
				out = slices.Clone(other.value)
			}
		}
	}
	return out, true, nil
}

// Set stores.
func (s *badStore) Set(_ context.Context, key store.Key, value []byte, ttl time.Duration) error {
	s.Sets.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fails(); err != nil {
		return err
	}
	s.values[key] = stored{slices.Clone(value), time.Now().Add(ttl)}
	return nil
}

// Delete forgets.
func (s *badStore) Delete(_ context.Context, key store.Key) error {
	s.Deletes.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fails(); err != nil {
		return err
	}
	delete(s.values, key)
	return nil
}

// Close does nothing.
func (*badStore) Close() error { return nil }
