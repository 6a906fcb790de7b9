package epoch

import "math/bits"

// table is one generation of marks: a hash table of fixed size with open
// addressing. The marks of one group, at most one of each kind, lie in one
// probing sequence.
type table struct {
	slots    []slot
	versions []uint64 // beside slots; nil while no mark has had one
	n, limit int
	// hard and soft are the latest epochs of either sort.
	hard, soft uint64
	versioned  bool // some mark has a version
}

// slot is a mark; one without an epoch is empty.
type slot struct {
	hash uint64
	mark uint64 // epoch<<2 | kind
}

// The bits of a kind. 62 bits for epochs are enough.
const (
	kindSoft = 1 << iota
	kindVersion
	kindBits = 2
	kindMask = 1<<kindBits - 1
)

func (m Mark) kind() (k uint64) {
	if m.Soft {
		k |= kindSoft
	}
	if m.Version > 0 {
		k |= kindVersion
	}
	return k
}

// newTable returns a table for limit marks, of which four fifths of its slots are
// used at most: linear probing stays short.
func newTable(limit int) table {
	return table{slots: make([]slot, limit+limit/4+1), limit: limit}
}

func (t *table) reset() {
	clear(t.slots)
	// Versions are written before they are read.
	t.n, t.hard, t.soft, t.versioned = 0, 0, 0, false
}

// home is where the probing for a hash begins. The low bits have chosen the shard
// already, and are the same for all of a table.
func (t *table) home(hash uint64) int {
	hi, _ := bits.Mul64(hash*0x9e3779b97f4a7c15, uint64(len(t.slots)))
	return int(hi)
}

func (t *table) next(i int) int {
	if i++; i < len(t.slots) {
		return i
	}
	return 0
}

// put enters a mark, and reports false if there is no room for it. Of one group
// and kind the table keeps the latest epoch: a slower invalidation of a lower one
// must not turn the group back. A version is larger than what is there, or the
// mark would have been known.
func (t *table) put(e uint64, m Mark) bool {
	kind := m.kind()
	i := t.home(m.Hash)
	for ; t.slots[i].mark != 0; i = t.next(i) {
		if s := &t.slots[i]; s.hash == m.Hash && s.mark&kindMask == kind {
			s.mark = max(s.mark, e<<kindBits|kind)
			if m.Version > 0 {
				t.versions[i] = m.Version
			}
			t.raise(e, m.Soft)
			return true
		}
	}
	if t.n == t.limit {
		return false
	}
	t.n++
	t.slots[i] = slot{hash: m.Hash, mark: e<<kindBits | kind}
	if m.Version > 0 {
		if t.versions == nil {
			t.versions = make([]uint64, len(t.slots))
		}
		t.versions[i] = m.Version
		t.versioned = true
	}
	t.raise(e, m.Soft)
	return true
}

func (t *table) raise(e uint64, soft bool) {
	if soft {
		t.soft = max(t.soft, e)
	} else {
		t.hard = max(t.hard, e)
	}
}

// state says what the marks later than since make of a reply of group g.
func (t *table) state(since uint64, g Group) State {
	worst := Valid
	for i := t.home(g.Hash); t.slots[i].mark != 0; i = t.next(i) {
		s := t.slots[i]
		if s.hash != g.Hash || s.mark>>kindBits <= since {
			continue
		}
		if s.mark&kindVersion != 0 && g.Version >= t.versions[i] {
			continue // spared
		}
		if s.mark&kindSoft == 0 {
			return Invalid
		}
		worst = Soft
	}
	return worst
}

// least returns the versions that the hard and the soft mark of a group have, 0
// for none.
func (t *table) least(hash uint64) (hard, soft uint64) {
	if !t.versioned {
		return 0, 0
	}
	for i := t.home(hash); t.slots[i].mark != 0; i = t.next(i) {
		s := t.slots[i]
		if s.hash != hash || s.mark&kindVersion == 0 {
			continue
		}
		if s.mark&kindSoft != 0 {
			soft = t.versions[i]
		} else {
			hard = t.versions[i]
		}
	}
	return hard, soft
}
