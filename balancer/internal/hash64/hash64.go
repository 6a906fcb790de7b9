// Package hash64 hashes strings and numbers to 64 bits that are the same in every
// process, on every machine and in every version.
//
//	h := hash64.Sum("10.0.0.7:443") // XXH64 with seed 0
//	score := hash64.Mix(h ^ client) // a bijection that looks random
//
// Where endpoints are placed by hash, two clients agree on the place only if they
// hash alike, and a client that restarts, or is rebuilt from newer sources, finds
// its old place again. hash/maphash is seeded anew in each process and may change
// with each release of Go; so it is no help here. [Sum] is XXH64, because that is
// specified to the bit and exists for every language, so that whoever wants to
// foretell a placement can. [Mix] is the finalizer of SplitMix64 (Steele, Lea and
// Flood, OOPSLA 2014).
//
// Neither withstands somebody who chooses the input in order to make it collide.
// What comes of collisions here is uneven load, which the users of this package
// bound by other means. Both are pure functions and allocate nothing.
package hash64

import "math/bits"

// The five primes of XXH64.
const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
	prime4 = 0x85EBCA77C2B2AE63
	prime5 = 0x27D4EB2F165667C5
)

// Sum is XXH64 of s with seed 0.
func Sum(s string) uint64 {
	length := uint64(len(s))
	var h uint64
	if len(s) >= 32 {
		h, s = stripes(s)
	} else {
		h = prime5
	}
	h += length
	for ; len(s) >= 8; s = s[8:] {
		h = bits.RotateLeft64(h^round(0, word64(s)), 27)*prime1 + prime4
	}
	if len(s) >= 4 {
		h = bits.RotateLeft64(h^uint64(word32(s))*prime1, 23)*prime2 + prime3
		s = s[4:]
	}
	for i := range len(s) {
		h = bits.RotateLeft64(h^uint64(s[i])*prime5, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// stripes takes the whole 32-byte stripes off s, in four lanes.
func stripes(s string) (h uint64, rest string) {
	a, b, c, d := uint64(prime1), uint64(prime2), uint64(0), uint64(0)
	a += prime2
	d -= prime1
	for ; len(s) >= 32; s = s[32:] {
		a = round(a, word64(s))
		b = round(b, word64(s[8:]))
		c = round(c, word64(s[16:]))
		d = round(d, word64(s[24:]))
	}
	h = bits.RotateLeft64(a, 1) + bits.RotateLeft64(b, 7) + bits.RotateLeft64(c, 12) + bits.RotateLeft64(d, 18)
	for _, lane := range [...]uint64{a, b, c, d} {
		h = (h^round(0, lane))*prime1 + prime4
	}
	return h, s
}

func round(lane, input uint64) uint64 {
	return bits.RotateLeft64(lane+input*prime2, 31) * prime1
}

// word64 reads 8 bytes, the least significant first, whatever the machine's own
// order.
func word64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func word32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// Mix turns x into a number that looks random and is different for each x.
func Mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
