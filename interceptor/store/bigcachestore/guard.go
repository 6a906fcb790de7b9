package bigcachestore

import (
	"errors"
	"fmt"
	"sync"

	"github.com/allegro/bigcache/v3"

	"github.com/freshet-io/freshet/interceptor/store"
)

var errBroken = errors.New("bigcache has panicked or lost its way, all entries are dropped")

// stripe guards one shard of BigCache from outside. BigCache has locks of its
// own, but unlocks them without defer: after a panic they stay locked, and who
// comes next would wait for ever. Whoever holds a stripe's lock is the only one
// to wait for those inside, and finds out first whether they are still good.
type stripe struct {
	mu     sync.RWMutex
	widest int // largest entry that BigCache has wrapped for this shard, guarded by mu
	worth  worth
	_      [96]byte // keeps the locks of two stripes off one cache line
}

func (s *Store) stripe(hash uint64) *stripe {
	return &s.stripes[hash&uint64(s.shape.shards-1)]
}

// usable says whether BigCache may be called. It is asked under a stripe's lock.
func (s *Store) usable() error {
	switch {
	case s.closed.Load():
		return store.ErrClosed
	case s.broken.Load():
		return errBroken
	}
	return nil
}

// rescue is deferred around each call of BigCache, after the stripe's unlock so
// that it runs before, and turns a panic into an error. An index that points at nothing is
// on the way to one.
func (s *Store) rescue(err *error) {
	var why any = *err
	if p := recover(); p != nil {
		why = p
	} else if *err == nil || errors.Is(*err, bigcache.ErrEntryNotFound) {
		return
	}
	s.broken.Store(true)
	*err = fmt.Errorf("%w: %v", errBroken, why)
}

// repair replaces a broken BigCache by an empty one. What was in the old one is
// lost, which a cache may do; that its locks are held matters to nobody then.
func (s *Store) repair() {
	s.each((*sync.RWMutex).Lock)
	defer s.each((*sync.RWMutex).Unlock)
	if s.closed.Load() || !s.broken.Load() {
		return
	}
	c, err := s.newCache()
	if err != nil {
		return // stays broken: each operation says so
	}
	s.cache = c
	for i := range s.stripes {
		s.stripes[i].widest = 0
		s.stripes[i].worth = newWorth(s.shape)
	}
	s.broken.Store(false)
}

// each does one thing to the locks of all stripes, always in the same order.
func (s *Store) each(f func(*sync.RWMutex)) {
	for i := range s.stripes {
		f(&s.stripes[i].mu)
	}
}
