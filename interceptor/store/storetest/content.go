package storetest

import (
	"fmt"

	"github.com/freshet-io/freshet/interceptor/store"
)

var contentRules = []rule{
	{name: "absent key", check: absentKey},
	{name: "last value", check: lastValue},
	{name: "values of all sizes", check: valuesOfAllSizes},
	{name: "empty value", check: emptyValue},
	{name: "delete", check: deletes},
	{name: "every bit of a key counts", check: everyBitCounts},
	{name: "size", check: size},
}

func absentKey(s *subject) {
	s.wantNothing(s.key(0), "never set")
	s.mustSet(s.key(1), s.value(1, 10), s.long())
	s.wantNothing(s.key(0), "another key set")
}

func lastValue(s *subject) {
	for i, n := range []int{100, 10, 1000, 0, 100} {
		v := s.value(i, n)
		s.mustSet(s.key(0), v, s.long())
		s.wantValue(s.key(0), v, fmt.Sprintf("set %d times", i+1))
	}
}

// valuesOfAllSizes goes over the lengths at which variable-length encodings and
// growing buffers change.
func valuesOfAllSizes(s *subject) {
	most := 16 << 10
	if s.maxValue > 0 {
		most = s.maxValue
	}
	for n := 1; n <= most; n *= 2 {
		for i, l := range []int{n - 1, n, n + 1} {
			if l > most {
				continue
			}
			v := s.value(n+i, l)
			s.mustSet(s.key(l), v, s.long())
			s.wantValue(s.key(l), v, fmt.Sprintf("%d bytes", l))
		}
	}
}

func emptyValue(s *subject) {
	for i, v := range [][]byte{nil, {}} {
		s.mustSet(s.key(i), v, s.long())
		s.wantValue(s.key(i), v, "empty value")
	}
	s.mustSet(s.key(2), s.value(2, 10), s.long())
	s.mustSet(s.key(2), nil, s.long())
	s.wantValue(s.key(2), nil, "empty value over another")
}

func deletes(s *subject) {
	s.mustDelete(s.key(0))
	s.mustSet(s.key(0), s.value(0, 50), s.long())
	s.mustSet(s.key(1), s.value(1, 50), s.long())
	s.mustDelete(s.key(0))
	s.wantNothing(s.key(0), "deleted")
	s.wantValue(s.key(1), s.value(1, 50), "another key deleted")
	s.mustDelete(s.key(0))
	s.mustSet(s.key(0), s.value(2, 60), s.long())
	s.wantValue(s.key(0), s.value(2, 60), "set again after Delete")
}

// everyBitCounts sets keys that differ in one bit each, and deletes one: a store
// that keys by a part of the digest, or by a hash of it, mixes them up.
func everyBitCounts(s *subject) {
	keys := []store.Key{{}, s.key(0)}
	for i := range len(store.Key{}) * 8 {
		k := s.key(0)
		k[i/8] ^= 1 << (i % 8)
		keys = append(keys, k)
	}
	for i, k := range keys {
		s.mustSet(k, s.value(i, 16), s.long())
	}
	s.mustDelete(keys[1])
	for i, k := range keys {
		if i == 1 {
			s.wantNothing(k, "deleted")
		} else {
			s.wantValue(k, s.value(i, 16), fmt.Sprintf("key %d", i))
		}
	}
	s.mustDelete(store.Key{})
}

func size(s *subject) {
	sizer, ok := s.Store.(store.Sizer)
	if !ok {
		s.Skip("not a Sizer")
	}
	check := func(when string, want int) {
		s.Helper()
		if got := sizer.Len(); got != want {
			s.Errorf("%s: Len() = %d, want %d", when, got, want)
		}
		if got := sizer.Bytes(); want > 0 && got < int64(want)*1000 {
			s.Errorf("%s: Bytes() = %d, want at least the values' %d", when, got, want*1000)
		}
	}
	check("new", 0)
	for i := range 10 {
		s.mustSet(s.key(i), s.value(i, 1000), s.long())
	}
	check("10 keys set", 10)
	s.mustSet(s.key(3), s.value(33, 1000), s.long())
	check("one set again", 10)
	s.mustDelete(s.key(3))
	check("one deleted", 9)
	if err := s.Close(); err != nil {
		s.Fatalf("Close() = %v, want nil", err)
	}
	if n, b := sizer.Len(), sizer.Bytes(); n != 0 || b != 0 {
		s.Errorf("closed: Len() = %d and Bytes() = %d, want 0", n, b)
	}
}

func brief(b []byte) string {
	if len(b) <= 16 {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%x… (%d bytes)", b[:16], len(b))
}
