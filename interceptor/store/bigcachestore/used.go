package bigcachestore

import (
	"math/bits"
	"sync/atomic"
)

// usedBitsPerSlot makes an entry share its mark with another in one case of 16
// where all entries are of the smallest size, and of 40 where they have 1 KiB.
const usedBitsPerSlot = 8

// used remembers, one bit each, which entries of a shard were asked for since
// they were put into its queue. Two entries may share a bit: then a cold one may go
// round once more in place of the other. All methods are safe for concurrent use.
type used []atomic.Uint64

func newUsed(slots int) used { return make(used, slots*usedBitsPerSlot/64) }

// mark is on the path of a hit: it writes only the first time, lest the cores
// that ask for one hot entry fight for a cache line.
func (u used) mark(hash uint64) {
	word, bit := u.at(hash)
	if word.Load()&bit == 0 {
		word.Or(bit)
	}
}

// take returns whether the entry was used, and clears its mark.
func (u used) take(hash uint64) bool {
	word, bit := u.at(hash)
	return word.And(^bit)&bit != 0
}

func (u used) at(hash uint64) (word *atomic.Uint64, bit uint64) {
	at, _ := bits.Mul64(scatter(hash), uint64(len(u))*64)
	return &u[at/64], 1 << (at % 64)
}

// scatter mixes a hash anew: its low bits are the same for a whole shard, and so
// are some of the high ones.
func scatter(hash uint64) uint64 {
	hash ^= hash >> 32
	hash *= 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio, as Fibonacci hashing does
	hash ^= hash >> 29
	return hash * 0xbf58476d1ce4e5b9 // from splitmix64's finaliser
}
