package cache

import (
	"sync"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	// renewalShare is the part of the cache's bytes that renewals may take.
	renewalShare = 16
	// renewalBytes is what one renewal takes at most, its place in a map that has
	// just grown included.
	renewalBytes = 256
)

// renewal is what a validation has made of a stored reply: the terms that it is
// kept under from then on.
type renewal struct {
	of    fetchID // the fetch whose bytes were validated
	epoch uint64
	entry cachepolicy.Entry // Requested, InitialAge, Terms
}

// renewals remembers validations beside the store: rewriting a value that has not
// changed would push another out of a store that is a queue. There is nothing in
// it for the garbage collector to follow. What is forgotten costs another
// validation.
//
// It has two generations: when the young one is full it becomes the old one,
// which is dropped whole.
type renewals struct {
	limit int // of each generation

	mu         sync.RWMutex
	young, old map[renewalKey]renewal
}

// renewalKey is half of a store.Key, which is a digest.
type renewalKey [16]byte

func newRenewals(limit int64) *renewals {
	return &renewals{limit: int(max(16, limit/renewalBytes/2))}
}

// put remembers a renewal, unless a later one is known.
func (r *renewals) put(key store.Key, n renewal) {
	k := renewalKey(key[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.get(k); ok && known.of == n.of && known.entry.Requested > n.entry.Requested {
		return
	}
	if len(r.young) >= r.limit {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = map[renewalKey]renewal{}
	}
	r.young[k] = n
}

func (r *renewals) get(k renewalKey) (renewal, bool) {
	if n, ok := r.young[k]; ok {
		return n, true
	}
	n, ok := r.old[k]
	return n, ok
}

// apply gives a stored reply the terms of its last validation.
func (r *renewals) apply(key store.Key, e *entry) {
	r.mu.RLock()
	n, ok := r.get(renewalKey(key[:]))
	r.mu.RUnlock()
	if !ok || n.of != e.fetch {
		return
	}
	e.epoch = n.epoch
	e.policy.Requested, e.policy.InitialAge, e.policy.Terms = n.entry.Requested, n.entry.InitialAge, n.entry.Terms
}
