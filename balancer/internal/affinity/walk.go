package affinity

import "math"

// probes is how many points a key has on the circle. An odd step between them
// makes them distinct.
const probes = 8

// Walk is where a walk through the members of a key has come to. It is a value of
// 64 bytes; a copy goes on by itself. It must not be used concurrently.
type Walk struct {
	ring *Ring
	key  uint64        // the key's first point
	step uint64        // from one of the key's points to the next
	gone int32         // members returned so far
	next [probes]int32 // for each of the key's points, which point of a member it reaches next
}

// Next returns the next member, as index in the ids of the ring; ok is false when
// all have been returned. Each is returned once. To walk on after the first few
// is of little use: the whole of 1000 members takes half a millisecond.
func (w *Walk) Next() (i int, ok bool) {
	if int(w.gone) == len(w.ring.id) {
		return 0, false
	}
	for {
		member, distance := w.advance()
		// A member is met once for each pair of its points and the key's, and is
		// new when it is met from its distance, which is the least of these.
		if w.gone == 0 || distance == w.distance(w.ring.id[member]) {
			w.gone++
			return int(member), true
		}
	}
}

// advance goes on to the point of a member that is the nearest to any of the
// key's.
func (w *Walk) advance() (member int32, distance uint64) {
	nearest := 0
	h := w.key
	distance = math.MaxUint64
	for j, p := range w.next {
		d := w.ring.at[p] - h
		if d < distance || d == distance && p < w.next[nearest] {
			nearest, distance = j, d
		}
		h += w.step
	}
	p := &w.next[nearest]
	member = w.ring.member[*p]
	if *p++; int(*p) == len(w.ring.at) {
		*p = 0
	}
	return member, distance
}

// distance returns the distance of a member from the key.
func (w *Walk) distance(id uint64) uint64 {
	least := uint64(math.MaxUint64)
	for i := range uint64(points) {
		d := place(id, i) - w.key
		for range probes {
			least = min(least, d)
			d -= w.step
		}
	}
	return least
}
