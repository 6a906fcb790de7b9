package bigcachestore

import "math/bits"

const (
	seenCells = 8 // of a bucket
	// How far back a shard remembers, in entries that it holds: what is asked for
	// a second time later than that was worth no room in between.
	seenWindow = 3
)

// seen remembers which keys a shard was lately asked to keep, by 16 bits of
// their hash: a table of buckets, in each of them the last eight that fell into
// it, the latest first. One key in 8,000 is taken for one that was seen.
//
// It is guarded by its stripe's lock.
type seen []uint16

// newSeen makes one with a cell a slot of the index, which is two for each of the
// smallest entries: a full window where entries are half as large again.
func newSeen(slots int) seen { return make(seen, slots/seenCells*seenCells) }

// add records a key and returns whether it was there already, within about
// window others.
func (s seen) add(hash uint64, window int) bool {
	x := scatter(hash)
	buckets := len(s) / seenCells
	at, rest := bits.Mul64(x, uint64(buckets))
	bucket := s[at*seenCells:][:seenCells]
	print := uint16(rest>>16) | 1 // an empty cell is 0
	depth := min(max((window+buckets/2)/buckets, 1), seenCells)
	found := false
	last := depth - 1
	for i, c := range bucket[:depth] {
		if c == print {
			last, found = i, true
			break
		}
	}
	copy(bucket[1:last+1], bucket[:last])
	bucket[0] = print
	return found
}
