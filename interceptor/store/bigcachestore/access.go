package bigcachestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro/bigcache/v3"

	"github.com/freshet-io/freshet/interceptor/store"
)

// Get returns the value of key as [store.Store] says. ctx is not used. An error
// other than [store.ErrClosed] means that BigCache has failed.
func (s *Store) Get(_ context.Context, key store.Key) ([]byte, bool, error) {
	sc := s.borrow(key)
	envelope, err := s.load(sc.name())
	s.giveBack(sc)
	if err != nil {
		return nil, false, s.settle(err)
	}
	value, deadline, err := open(envelope)
	if err != nil {
		return nil, false, err
	}
	if s.now() >= deadline {
		return nil, false, nil
	}
	return value, true, nil
}

// Set keeps a copy of value under key as [store.Store] says, or gives it up at
// once when the store is full and key was not lately asked to be kept; see the
// package comment. ctx is not used. A
// value longer than [Store.MaxValueBytes] is refused with an error that matches
// [store.ErrTooLarge], a ttl that is not positive with another.
func (s *Store) Set(_ context.Context, key store.Key, value []byte, ttl time.Duration) error {
	switch {
	case s.closed.Load():
		return store.ErrClosed
	case ttl <= 0:
		return fmt.Errorf("bigcachestore: ttl must be positive, got %v", ttl)
	case len(value) > s.shape.maxValue():
		return fmt.Errorf("bigcachestore: value must have at most %d bytes, got %d: %w",
			s.shape.maxValue(), len(value), store.ErrTooLarge)
	}
	deadline := deadlineAfter(s.now(), ttl)
	sc := s.borrow(key)
	sc.buf = seal(sc.buf[:0], deadline, value, s.shape.leastEnvelope())
	err := s.save(sc.name(), sc.buf)
	s.giveBack(sc)
	return s.settle(err)
}

// Delete removes the value of key as [store.Store] says. ctx is not used. The
// space is used again when the queue comes round to it.
func (s *Store) Delete(_ context.Context, key store.Key) error {
	sc := s.borrow(key)
	err := s.remove(sc.name())
	s.giveBack(sc)
	return s.settle(err)
}

// load, save and remove are what each operation does under the lock of the
// key's stripe. They give bigcache.ErrEntryNotFound for an absent key.

func (s *Store) load(key string) (envelope []byte, err error) {
	hash := s.hash.Sum64(key)
	st := s.stripe(hash)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	defer s.rescue(&err)
	envelope, err = s.cache.Get(key)
	if err == nil {
		st.worth.used.mark(hash)
	}
	return envelope, err
}

// save puts an entry into the queue, if its key is worth it. An entry that is
// held is replaced in any case: nothing may be left that is older. BigCache says
// whether there is one by deleting it, which copies nothing.
func (s *Store) save(key string, envelope []byte) (err error) {
	hash := s.hash.Sum64(key)
	st := s.stripe(hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	defer s.rescue(&err)
	block := blockBytes(len(envelope))
	if !st.worth.admit(hash, block, s.shape.queue) {
		if err := s.cache.Delete(key); err != nil {
			return err
		}
	}
	st.widest = max(st.widest, wrapperBytes+len(envelope))
	st.worth.entered(block)
	if err := s.cache.Set(key, envelope); err != nil {
		return err
	}
	return s.reinsert(&st.worth)
}

// remove looks before it deletes, because BigCache deletes by hash alone: it
// would take the entry of another key that has the same one.
func (s *Store) remove(key string) (err error) {
	st := s.stripe(s.hash.Sum64(key))
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	defer s.rescue(&err)
	envelope, err := s.cache.Get(key)
	if err != nil {
		return err
	}
	st.worth.freed(blockBytes(len(envelope)), s.shape.queue)
	return s.cache.Delete(key)
}

// Touch counts a use of key's value that no Get has seen, as
// [store.Toucher] says. It costs a few nanoseconds and never fails.
func (s *Store) Touch(key store.Key) {
	sc := s.borrow(key)
	hash := s.hash.Sum64(sc.name())
	s.giveBack(sc)
	st := s.stripe(hash)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if s.usable() == nil {
		st.worth.used.mark(hash)
	}
}

// settle turns what came out of BigCache into what the caller is told, and
// replaces BigCache if it has broken.
func (s *Store) settle(err error) error {
	switch {
	case err == nil, errors.Is(err, bigcache.ErrEntryNotFound):
		return nil
	case errors.Is(err, store.ErrClosed):
		return err
	}
	if s.broken.Load() {
		s.repair()
	}
	return fmt.Errorf("bigcachestore: %w", err)
}
