package storetest

import "bytes"

var ownershipRules = []rule{
	{name: "set copies", check: setCopies},
	{name: "get gives away", check: getGivesAway},
	{name: "what get gave never changes", check: whatGetGaveNeverChanges},
}

func setCopies(s *subject) {
	for _, n := range []int{1, 100, 10_000} {
		v := s.value(n, n)
		s.mustSet(s.key(n), v, s.long())
		scribble(v)
		s.wantValue(s.key(n), s.value(n, n), "the slice given to Set changed")
	}
}

// getGivesAway writes over what Get returned, up to its capacity, which may
// neither reach the store nor what another Get returned or a neighbour in memory.
func getGivesAway(s *subject) {
	const n = 100
	for i := range 3 {
		s.mustSet(s.key(i), s.value(i, n), s.long())
	}
	kept, _ := s.get(s.key(1))
	for i := range 3 {
		v, _ := s.get(s.key(i))
		scribble(v)
	}
	for i := range 3 {
		s.wantValue(s.key(i), s.value(i, n), "the slice that Get gave changed")
	}
	if !bytes.Equal(kept, s.value(1, n)) {
		s.Errorf("two results of Get share memory: one was changed by writing to the other")
	}
}

func whatGetGaveNeverChanges(s *subject) {
	const n = 500
	for i := range 3 {
		s.mustSet(s.key(i), s.value(i, n), s.long())
	}
	var got [3][]byte
	for i := range got {
		got[i], _ = s.get(s.key(i))
	}
	s.mustSet(s.key(0), s.value(10, n), s.long())
	s.mustDelete(s.key(1))
	for i := range 4000 { // enough to come round a ring of 1 MiB
		s.mustSet(s.key(100+i), s.value(11, n), s.long())
	}
	if err := s.Close(); err != nil {
		s.Fatalf("Close() = %v, want nil", err)
	}
	for i := range got {
		if !bytes.Equal(got[i], s.value(i, n)) {
			s.Errorf("result %d of Get changed after others had been set", i)
		}
	}
}

// scribble changes every byte of b and of the memory that an append would use.
func scribble(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] ^= 0xff
	}
}
