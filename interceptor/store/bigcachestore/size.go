package bigcachestore

import "sync"

// Len returns the number of entries held. Those that have expired are counted
// until new ones take their place in the queue.
func (s *Store) Len() int {
	n := 0
	s.inspect(func() { n = s.cache.Len() })
	return n
}

// Bytes returns the heap that the store occupies, in bytes: its queues as far
// as they have grown, its index, and its buffers. It never exceeds the budget.
// Buffers that an operation uses for its own duration are not part of it.
func (s *Store) Bytes() int64 {
	var n int64
	s.inspect(func() {
		n = int64(s.cache.Capacity()) + int64(s.shape.shards)*s.shape.fixedCost() + int64(s.shape.used)*s.shape.worthCost()
		for i := range s.stripes {
			n += int64(s.stripes[i].widest)
		}
	})
	return n
}

// inspect runs f while no operation changes anything, or not at all when there
// is no BigCache that may be asked.
func (s *Store) inspect(f func()) {
	s.each((*sync.RWMutex).RLock)
	defer s.each((*sync.RWMutex).RUnlock)
	if s.usable() == nil {
		f()
	}
}
