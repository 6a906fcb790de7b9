package bigcachestore

import "math/bits"

const (
	// What BigCache puts before a value in its queue: timestamp, hash and key
	// length, then the key, which here is always a digest.
	wrapperBytes = 8 + 8 + 2 + 32
	// What the queue puts before that: the length as a varint.
	maxVarintBytes = 5
	// The varint of every entry of at least a grain has two bytes or more.
	minVarintBytes = 2

	// A Go map has 8 slots and 8 control bytes a group, 136 bytes for two 8-byte
	// words a slot, which the allocator rounds up to 18 a slot for a table of
	// 1,024 slots, the largest one.
	slotBytes  = 18
	tableSlots = 1024
	tableBytes = 64 // the table's own struct and its place in the directory
	// The structs of a shard, ours and BigCache's, and what is on its way from one
	// end of the queue to the other, but for the bytes of the entries.
	shardBytes = 2 << 10
	// Objects above 32 KiB take whole pages of Go's heap, smaller ones a size
	// class that is at most an eighth larger.
	pageBytes  = 8 << 10
	smallBytes = 32 << 10

	// The least share of a queue that an entry is charged; see plan.
	leastGrain = 256
	// The part of a queue that the largest entry may take.
	maxBlockPart = 12
)

// shape is how a budget is laid out over BigCache's shards.
type shape struct {
	shards   int // of BigCache, a power of two
	used     int // those that hold entries; the others stay as they were made
	queueMiB int // BigCache's HardMaxCacheSize: all queues, were all in use
	queue    int // bytes of one full queue
	slots    int // of the index of one shard, a power of two
	grain    int // least bytes of queue that an entry takes
	maxBlock int // most bytes of queue that an entry takes
}

// plan returns the shape with the most queue that costs at most budget when
// every part of it is as large as it can get.
//
// BigCache's queues are whole MiB over a power of two of shards, and it counts
// nothing but them. The shards are about 2·sqrt(budget in MiB), so that both
// their number and the largest value grow with the budget. Fractions of a MiB
// come from leaving some shards unused.
func plan(budget int64) shape {
	shards := max(4, floorPow2(2*isqrt(budget>>20)))
	shards = min(shards, 1024)
	var best shape
	for mib := budget >> 20; mib > best.queueBytes()>>20; mib-- {
		sh := shapeOf(int(mib), shards)
		sh.used = sh.fitting(budget)
		if sh.queueBytes() > best.queueBytes() {
			best = sh
		}
	}
	return best
}

// shapeOf returns the shape of queueMiB over shards with none used yet.
//
// The index is made at its full size and never grows. It must stay half empty:
// deletions leave tombstones in a Go map, and one that is churned at two thirds
// of its slots doubles. So entries are bounded to slots/2, and they are bounded
// by charging each at least a grain of queue.
func shapeOf(queueMiB, shards int) shape {
	sh := shape{shards: shards, queueMiB: queueMiB, queue: queueMiB << 20 / shards}
	sh.slots = tableSlots
	for sh.slots*leastGrain < sh.queue {
		sh.slots *= 2
	}
	sh.grain = ceilDiv(sh.queue, sh.slots/2)
	sh.maxBlock = sh.queue / maxBlockPart
	return sh
}

// fitting returns how many shards the budget can have in use.
func (sh shape) fitting(budget int64) int {
	idle := int64(sh.shards) * sh.idleCost()
	return int(max(0, min(int64(sh.shards), (budget-idle)/(sh.fullCost()-sh.idleCost()))))
}

// idleCost is the memory of a shard without entries, fullCost that of one that
// has held as many entries, and as large ones, as it can.
func (sh shape) idleCost() int64 {
	return int64(heapSize(sh.firstQueue())) + sh.fixedCost()
}

func (sh shape) fullCost() int64 {
	return int64(heapSize(sh.queue)+heapSize(sh.maxBlock)) + sh.fixedCost() + sh.worthCost()
}

// worthCost is what a shard that is in use remembers of its entries' worth.
func (sh shape) worthCost() int64 {
	return int64(heapSize(sh.slots*2) + heapSize(sh.slots*usedBitsPerSlot/8))
}

func (sh shape) fixedCost() int64 {
	return int64(sh.indexBytes() + shardBytes)
}

func (sh shape) indexBytes() int {
	return sh.slots*slotBytes + sh.slots/tableSlots*tableBytes
}

// queueBytes is what all queues in use hold together.
func (sh shape) queueBytes() int64 { return int64(sh.used) * int64(sh.queue) }

// entrySize is BigCache's MaxEntrySize, which it multiplies by the entries it
// expects, slots/2, to get the size that a queue has at first. It is chosen to
// make that a little over maxBlock, a twelfth of the whole: then each time a queue
// grows, which doubles it, there is room for any entry, and it grows to exactly
// its full size before the first eviction.
func (sh shape) entrySize() int { return ceilDiv(sh.maxBlock, sh.slots/2) }

func (sh shape) firstQueue() int { return sh.entrySize() * sh.slots / 2 }

// maxValue is the largest value that fits in maxBlock.
func (sh shape) maxValue() int {
	return sh.maxBlock - maxVarintBytes - wrapperBytes - envelopeHeader
}

// leastEnvelope is the size to which envelopes are padded to take a grain.
func (sh shape) leastEnvelope() int { return sh.grain - minVarintBytes - wrapperBytes }

// blockBytes is what an envelope of n bytes takes of a queue, give or take the
// length of its length.
func blockBytes(n int) int { return minVarintBytes + wrapperBytes + n }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// heapSize is the most heap that a slice of n bytes takes.
func heapSize(n int) int {
	if n <= smallBytes {
		return n + n/8
	}
	return ceilDiv(n, pageBytes) * pageBytes
}

func floorPow2(n int64) int { return 1 << (bits.Len64(uint64(n)) - 1) }

// isqrt is the integer square root, by Newton's method from above.
func isqrt(n int64) int64 {
	x := n
	for y := (x + 1) / 2; y < x; y = (x + n/x) / 2 {
		x = y
	}
	return x
}
