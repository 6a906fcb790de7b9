package bigcachestore

import (
	"unsafe"

	"github.com/freshet-io/freshet/interceptor/store"
)

// maxPooled is the largest envelope buffer that is kept for reuse. A larger one
// costs an allocation that is small beside the copying of its value.
const maxPooled = 64 << 10

// scratch is the memory that one operation needs while it talks to BigCache.
type scratch struct {
	key store.Key
	buf []byte
}

// name returns the key as the string that BigCache wants, without a copy. It is
// valid until the scratch is given back: BigCache v3.2.0 compares a key with the
// stored one, copies it into the queue, and keeps no reference.
func (sc *scratch) name() string {
	return unsafe.String(&sc.key[0], len(sc.key)) //nolint:gosec // see above
}

func (s *Store) borrow(key store.Key) *scratch {
	sc, ok := s.pool.Get().(*scratch)
	if !ok {
		sc = new(scratch)
	}
	sc.key = key
	return sc
}

func (s *Store) giveBack(sc *scratch) {
	if cap(sc.buf) > maxPooled {
		sc.buf = nil
	}
	s.pool.Put(sc)
}
