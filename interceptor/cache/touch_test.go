package cache_test

import (
	"sync/atomic"
	"testing"

	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/store"
)

// touchedStore counts the uses that it is told of.
type touchedStore struct {
	*mapStore
	touched atomic.Int64
	boom    bool
}

func (s *touchedStore) Touch(store.Key) {
	s.touched.Add(1)
	if s.boom {
		panic("boom")
	}
}

// TestTheStoreHearsOfDecodedHits: what is answered from the decoded tier would
// look unused to the store, and be the first to go. A store that fails at it costs
// nobody the reply.
func TestTheStoreHearsOfDecodedHits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &touchedStore{mapStore: newMapStore()}
		r := newRig(t, cache.WithStore(s), cache.WithMaxBytes(roomy))
		r.warm("1")
		before, hits := s.touched.Load(), r.cache.Stats().DecodedHits
		r.get("1")
		s.boom = true
		r.get("1")
		if got := s.touched.Load() - before; got != 2 || r.cache.Stats().DecodedHits != hits+2 {
			t.Errorf("two decoded hits touched the store %d times, want 2: %+v", got, r.cache.Stats())
		}
	})
}
