package engine

// lane is a queue of events that are due a fixed time after they are pushed, so that they
// leave it in the order in which they came: no heap is needed.
type lane struct {
	delay int64
	ring  []entry // its length is a power of two
	head  int
	count int
}

type entry struct {
	at  int64
	seq uint64
	id  int32
}

func newLane(delay int64) lane { return lane{delay: delay, ring: make([]entry, 64)} }

func (l *lane) push(e entry) {
	if l.count == len(l.ring) {
		grown := make([]entry, 2*len(l.ring))
		n := copy(grown, l.ring[l.head:])
		copy(grown[n:], l.ring[:l.head])
		l.ring, l.head = grown, 0
	}
	l.ring[(l.head+l.count)&(len(l.ring)-1)] = e
	l.count++
}

func (l *lane) pop() entry {
	e := l.ring[l.head]
	l.head = (l.head + 1) & (len(l.ring) - 1)
	l.count--
	return e
}
