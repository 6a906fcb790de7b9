package bigcachestore

import (
	"github.com/allegro/bigcache/v3"
)

const (
	// mostReinserted bounds how many entries a Set puts back into the queue, and
	// with maxBlock, which bounds their bytes, how long it takes.
	mostReinserted = 16
	// meanShift is how slowly a stripe's mean follows the sizes of its entries.
	meanShift = 4
)

// worth is what a stripe knows of its entries' worth: what may come in, and
// what is let go. All but used is guarded by the stripe's lock, held for writing.
type worth struct {
	used used
	seen seen

	full    bool     // something that was alive had to be evicted
	room    int      // bytes of the queue known to hold what nobody misses
	mean    int      // of the bytes that an entry takes, shifted left by meanShift
	evicted []parcel // out of the queue by the Set under way, and worth keeping
}

// parcel is an entry on its way from the old end of the queue to the new one.
type parcel struct {
	key      string
	envelope []byte
}

func newWorth(sh shape) worth {
	return worth{used: newUsed(sh.slots), seen: newSeen(sh.slots)}
}

// admit says whether an entry of block bytes, which is not held, may push
// others out: when none need be, and otherwise when its key was seen lately. So
// what is asked for once costs nothing but the asking.
func (w *worth) admit(hash uint64, block, queue int) bool {
	switch {
	case !w.full:
		return true
	case w.room >= block:
		w.room -= block
		return true
	}
	entries := queue << meanShift / max(w.mean, 1)
	return w.seen.add(hash, seenWindow*entries)
}

// entered notes the size of an entry that a Set puts into the queue. If its key is
// still marked, because the value before was used, it stays so.
func (w *worth) entered(block int) {
	if w.mean == 0 {
		w.mean = block << meanShift
	}
	w.mean += block - w.mean>>meanShift
}

// freed notes that block bytes of queue hold nothing any more.
func (w *worth) freed(block, queue int) { w.room = min(w.room+block, queue) }

// leaves hears from BigCache, within a Set and so under the lock of the stripe,
// which entry has just made room. It has copies of both, which are its own.
func (s *Store) leaves(key string, envelope []byte, _ bigcache.RemoveReason) {
	hash := s.hash.Sum64(key)
	w := &s.stripe(hash).worth
	w.full = true
	_, deadline, err := open(envelope)
	switch {
	case err != nil || s.now() >= deadline:
		w.freed(blockBytes(len(envelope)), s.shape.queue)
	case w.used.take(hash) && len(w.evicted) < mostReinserted:
		w.evicted = append(w.evicted, parcel{key, envelope})
	}
}

// reinsert puts back what was used since it came into the queue, which may evict
// more of the same. None of it is in the index now, and none can have got a newer
// value or have been deleted, as the stripe is locked since before it left.
func (s *Store) reinsert(w *worth) error {
	defer func() {
		clear(w.evicted)
		w.evicted = w.evicted[:0]
	}()
	bytes := 0
	for n := 0; n < len(w.evicted); n++ { // it grows meanwhile
		p := w.evicted[n]
		bytes += len(p.envelope)
		if n > 0 && bytes > s.shape.maxBlock {
			return nil
		}
		if err := s.cache.Set(p.key, p.envelope); err != nil {
			return err
		}
	}
	return nil
}
