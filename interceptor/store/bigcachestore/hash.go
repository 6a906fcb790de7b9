package bigcachestore

import "hash/maphash"

// hasher is the bigcache.Hasher of a store. It says under which 64 bits BigCache
// indexes a key, and by their low bits which shard the key lives in.
//
// BigCache's own FNV-1a would do neither safely: whoever can choose keys can
// make them collide, and a key that hashes to 0 breaks the index, since 0 marks
// an entry as deleted.
type hasher struct {
	sum    func(key string) uint64
	shards uint64 // a power of two
	used   uint64 // at most shards; only the first used ones hold entries
}

// keyedSum returns a hash whose key is drawn at random for each store.
func keyedSum() func(string) uint64 {
	seed := maphash.MakeSeed()
	return func(key string) uint64 { return maphash.String(seed, key) }
}

// Sum64 replaces the low bits of the hash by a shard that is in use, drawn from
// the high bits by multiplication rather than by modulo, and avoids 0.
func (h hasher) Sum64(key string) uint64 {
	x := h.sum(key)
	shard := (x >> 32) * h.used >> 32
	x = x&^(h.shards-1) | shard
	if x == 0 {
		x = 1 << 63
	}
	return x
}
