package epoch

import "sync"

// shard remembers the groups of one part of the hashes.
type shard struct {
	mu sync.RWMutex
	// floor bounds from above the latest epoch of any group not in gens.
	floor uint64
	// gens are newest first; their number only grows to generations.
	gens []generation
}

// generation holds marks that came after each other. Most invalidations are hard and without a
// version; the other maps are made when the first of their kind comes.
type generation struct {
	latest uint64 // the largest epoch in it
	hard   map[uint64]uint64
	soft   map[uint64]uint64
	// With a version, the mark with the greatest.
	hardVersion, softVersion map[uint64]versioned
}

// versioned is the latest mark of a group that had a version.
type versioned struct{ epoch, version uint64 }

func (g *generation) len() int {
	return len(g.hard) + len(g.soft) + len(g.hardVersion) + len(g.softVersion)
}

func (s *shard) mark(m Mark, e uint64, perGen int) {
	if len(s.gens) == 0 || s.gens[0].len() >= perGen {
		s.rotate()
	}
	g := &s.gens[0]
	g.latest = max(g.latest, e)
	switch {
	case m.Version > 0 && m.Soft:
		putVersion(&g.softVersion, m, e)
	case m.Version > 0:
		putVersion(&g.hardVersion, m, e)
	case m.Soft:
		put(&g.soft, m.Hash, e)
	default:
		put(&g.hard, m.Hash, e)
	}
}

// put raises a group's epoch: a slower invalidation with a lower epoch must not turn it
// back.
func put(to *map[uint64]uint64, hash, e uint64) {
	if *to == nil {
		*to = map[uint64]uint64{}
	}
	(*to)[hash] = max((*to)[hash], e)
}

// putVersion raises a group's version, and its epoch with it. Of two marks that cross each
// other on the way the greater version counts, at the later epoch.
func putVersion(to *map[uint64]versioned, m Mark, e uint64) {
	if *to == nil {
		*to = map[uint64]versioned{}
	}
	if known := (*to)[m.Hash]; m.Version > known.version {
		(*to)[m.Hash] = versioned{max(known.epoch, e), m.Version}
	}
}

func (s *shard) rotate() {
	if len(s.gens) < generations {
		s.gens = append(s.gens, generation{})
	} else {
		s.floor = max(s.floor, s.gens[generations-1].latest)
	}
	copy(s.gens[1:], s.gens)
	s.gens[0] = generation{}
}

func (s *shard) state(g Group, since uint64) State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if since < s.floor {
		return Invalid
	}
	state := Valid
	for i := range s.gens {
		gen := &s.gens[i]
		if gen.latest <= since {
			continue // every mark in it has been seen
		}
		if gen.hard[g.Hash] > since || gen.hardVersion[g.Hash].untrue(g, since) {
			return Invalid
		}
		if gen.soft[g.Hash] > since || gen.softVersion[g.Hash].untrue(g, since) {
			state = Soft
		}
	}
	return state
}

// untrue reports whether the mark came later than since and does not spare the group's
// version.
func (v versioned) untrue(g Group, since uint64) bool {
	return v.epoch > since && g.Version < v.version
}

// known are the greatest versions of a group's marks.
type known struct{ hard, soft uint64 }

func (s *shard) versions(hash uint64) known {
	var k known
	for i := range s.gens {
		k.hard = max(k.hard, s.gens[i].hardVersion[hash].version)
		k.soft = max(k.soft, s.gens[i].softVersion[hash].version)
	}
	return k
}
