package bigcachestore

import (
	"time"

	"github.com/allegro/bigcache/v3"
)

// NewWithSum is New with another hash of keys in place of the random one.
func NewWithSum(maxBytes int64, sum func(key string) uint64) (*Store, error) {
	sh := plan(maxBytes)
	return build(sh, hasher{sum: sum, shards: uint64(sh.shards), used: uint64(sh.used)})
}

// NewWithHasher is New without the placing of keys that keeps BigCache safe.
func NewWithHasher(maxBytes int64, h bigcache.Hasher) (*Store, error) {
	return build(plan(maxBytes), h)
}

// SetClock replaces the store's clock. No operation may be under way.
func (s *Store) SetClock(now func() time.Duration) {
	s.now = func() int64 { return int64(now()) }
}
