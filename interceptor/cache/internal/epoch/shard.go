package epoch

import (
	"sync"
	"sync/atomic"
)

// shard remembers the marks of some groups.
type shard struct {
	perGen int
	// latest bounds every epoch in the shard from above: entries that are not
	// older need no lock.
	latest atomic.Uint64

	mu sync.RWMutex
	// gens are newest first; their number only grows to generations.
	gens []table
	// hardFloor and softFloor bound the epochs of marks that are not in gens.
	hardFloor, softFloor uint64
}

func (s *shard) mark(e uint64, m Mark) {
	if e == 0 {
		return // nothing is older
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Version > 0 && s.knows(m) {
		return
	}
	if len(s.gens) == 0 || !s.gens[0].put(e, m) {
		s.rotate()
		s.gens[0].put(e, m)
	}
	if e > s.latest.Load() {
		s.latest.Store(e)
	}
}

// rotate makes room for a generation's marks, if need be by forgetting the
// oldest's.
func (s *shard) rotate() {
	var fresh table
	if n := len(s.gens); n < generations {
		fresh = newTable(s.perGen)
		s.gens = append(s.gens, table{})
	} else {
		fresh = s.gens[n-1]
		s.hardFloor = max(s.hardFloor, fresh.hard)
		s.softFloor = max(s.softFloor, fresh.soft)
		fresh.reset()
	}
	copy(s.gens[1:], s.gens)
	s.gens[0] = fresh
}

func (s *shard) state(since uint64, g Group) State {
	if s.latest.Load() <= since {
		return Valid
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if since < s.hardFloor {
		return Invalid
	}
	worst := Valid
	if since < s.softFloor {
		worst = Soft
	}
	for i := range s.gens {
		t := &s.gens[i]
		if t.hard <= since && (t.soft <= since || worst == Soft) {
			continue
		}
		if worst = max(worst, t.state(since, g)); worst == Invalid {
			break
		}
	}
	return worst
}

func (s *shard) known(m Mark) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.knows(m)
}

// knows reports whether m, which has a version, changes nothing. A soft mark adds
// nothing to a hard one of its version; a hard one does to a soft one.
func (s *shard) knows(m Mark) bool {
	for i := range s.gens {
		hard, soft := s.gens[i].least(m.Hash)
		if m.Version <= hard || m.Soft && m.Version <= soft {
			return true
		}
	}
	return false
}

func (s *shard) least(hash uint64) (version uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.gens {
		hard, soft := s.gens[i].least(hash)
		version = max(version, hard, soft)
	}
	return version
}

func (s *shard) len() (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.gens {
		n += s.gens[i].n
	}
	return n
}
