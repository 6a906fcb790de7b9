package bigcachestore

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/allegro/bigcache/v3"

	"github.com/freshet-io/freshet/interceptor/store"
)

var (
	_ store.Store   = (*Store)(nil)
	_ store.Sizer   = (*Store)(nil)
	_ store.Toucher = (*Store)(nil)
)

// Store is a [store.Store], [store.Sizer] and [store.Toucher] on BigCache. It is made by [New],
// and all its methods are safe for concurrent use. It has no goroutine.
type Store struct {
	shape   shape
	hash    bigcache.Hasher
	now     func() int64 // nanoseconds since New, monotonic
	stripes []stripe     // one for each shard in use
	pool    sync.Pool    // of *scratch

	closed atomic.Bool
	broken atomic.Bool // BigCache has panicked or lost its way, and is to be replaced

	// cache is read under the lock of any stripe and replaced under those of
	// all. It is nil once the store is closed.
	cache *bigcache.BigCache
}

// New returns an empty store of 64 MiB, or of what [WithMaxBytes] says. The
// error names each option that is out of its limits.
func New(opts ...Option) (*Store, error) {
	c, err := configure(opts)
	if err != nil {
		return nil, err
	}
	sh := plan(c.maxBytes)
	return build(sh, hasher{sum: keyedSum(), shards: uint64(sh.shards), used: uint64(sh.used)})
}

func build(sh shape, hash bigcache.Hasher) (*Store, error) {
	base := time.Now()
	s := &Store{
		shape:   sh,
		hash:    hash,
		now:     func() int64 { return int64(time.Since(base)) },
		stripes: make([]stripe, sh.used),
	}
	for i := range s.stripes {
		s.stripes[i].worth = newWorth(sh)
	}
	var err error
	s.cache, err = s.newCache()
	return s, err
}

// newCache makes an empty BigCache of the store's shape, without statistics or
// logging (which would show keys).
func (s *Store) newCache() (*bigcache.BigCache, error) {
	config := bigcache.Config{
		Shards:             s.shape.shards,
		MaxEntriesInWindow: s.shape.shards * s.shape.slots / 2,
		MaxEntrySize:       s.shape.entrySize(),
		HardMaxCacheSize:   s.shape.queueMiB,
		Hasher:             s.hash,
		Logger:             silent{},
		// Entries have their own deadlines. BigCache's window is longer than any
		// of them and than any step of the wall clock that it is measured by, so
		// that nothing live is dropped early. And as no CleanWindow is set there
		// is no cleaning goroutine, whose panics nobody could recover: what has
		// expired leaves the queue as everything else does, at its old end.
		LifeWindow: math.MaxInt64,

		OnRemoveWithReason: s.leaves,
	}.OnRemoveFilterSet(bigcache.NoSpace)
	c, err := bigcache.New(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("bigcachestore: %w", err)
	}
	return c, nil
}

// Close drops all entries and gives their memory back. It waits for operations
// that are under way; those that come later give [store.ErrClosed]. It always
// returns nil, however often it is called.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.each((*sync.RWMutex).Lock)
	defer s.each((*sync.RWMutex).Unlock)
	s.cache = nil // without a cleaning goroutine it is memory and no more
	for i := range s.stripes {
		s.stripes[i].worth = worth{}
	}
	return nil
}

// MaxValueBytes returns the length of the largest value that the store takes,
// which depends on its budget alone: a twelfth of a shard's queue, less what is
// kept beside a value. With the default budget it is 294,845.
func (s *Store) MaxValueBytes() int { return s.shape.maxValue() }

// silent is a bigcache.Logger that says nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}
