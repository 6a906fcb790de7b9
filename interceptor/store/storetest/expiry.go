package storetest

import (
	"context"
	"math"
	"time"
)

var expiryRules = []rule{
	{name: "value expires", check: valueExpires},
	{name: "ttl is exact", virtual: true, check: ttlIsExact},
	{name: "each value has its own ttl", check: eachValueHasItsOwnTTL},
	{name: "tiny ttl", check: tinyTTL},
	{name: "long ttl", virtual: true, check: longTTL},
	{name: "longest ttl", check: longestTTL},
	{name: "refused ttl", check: refusedTTL},
}

func valueExpires(s *subject) {
	s.mustSet(s.key(0), s.value(0, 20), s.unit)
	s.mustSet(s.key(1), s.value(1, 20), s.long())
	s.wantValue(s.key(0), s.value(0, 20), "before its ttl")
	s.wait(s.unit + s.unit/10)
	s.wantNothing(s.key(0), "after its ttl")
	s.wantValue(s.key(1), s.value(1, 20), "another key expired")
	s.mustDelete(s.key(0))
	s.mustSet(s.key(0), s.value(2, 30), s.long())
	s.wantValue(s.key(0), s.value(2, 30), "set again after its ttl")
}

func ttlIsExact(s *subject) {
	for i, ttl := range []time.Duration{2, time.Microsecond, 1500 * time.Millisecond, time.Hour} {
		s.mustSet(s.key(i), s.value(i, 20), ttl)
		s.wait(ttl - 1)
		s.wantValue(s.key(i), s.value(i, 20), "1 ns before its ttl of "+ttl.String())
		s.wait(1)
		s.wantNothing(s.key(i), "at the end of its ttl of "+ttl.String())
	}
}

func eachValueHasItsOwnTTL(s *subject) {
	s.mustSet(s.key(0), s.value(0, 20), s.unit)
	s.mustSet(s.key(0), s.value(1, 20), s.long())
	s.mustSet(s.key(1), s.value(2, 20), s.long())
	s.mustSet(s.key(1), s.value(3, 20), s.unit)
	s.wait(s.unit + s.unit/10)
	s.wantValue(s.key(0), s.value(1, 20), "a longer ttl over a shorter one")
	s.wantNothing(s.key(1), "a shorter ttl over a longer one")
}

func tinyTTL(s *subject) {
	s.mustSet(s.key(0), s.value(0, 20), 1)
	s.wait(s.unit)
	s.wantNothing(s.key(0), "after 1 ns")
}

// longTTL looks at a value each day for a month while others come and go.
func longTTL(s *subject) {
	const days = 30
	s.mustSet(s.key(0), s.value(0, 20), days*24*time.Hour)
	for day := 1; day < days; day++ {
		s.wait(24 * time.Hour)
		s.mustSet(s.key(day), s.value(day, 20), time.Second)
		s.wantValue(s.key(0), s.value(0, 20), "within its ttl of a month")
	}
	s.wait(24 * time.Hour)
	s.wantNothing(s.key(0), "after a month")
}

func longestTTL(s *subject) {
	s.wait(s.unit / 10) // now + ttl overflows only when some time has passed
	s.mustSet(s.key(0), s.value(0, 20), math.MaxInt64)
	s.wantValue(s.key(0), s.value(0, 20), "with the longest ttl")
	s.wait(s.unit)
	s.wantValue(s.key(0), s.value(0, 20), "with the longest ttl, later")
}

func refusedTTL(s *subject) {
	s.mustSet(s.key(0), s.value(0, 20), s.long())
	for _, ttl := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		for i := range 2 {
			if err := s.Set(context.Background(), s.key(i), s.value(9, 20), ttl); err == nil {
				s.Errorf("Set with a ttl of %v = nil, want an error", ttl)
			}
		}
		s.wantValue(s.key(0), s.value(0, 20), "a Set refused for its ttl")
		s.wantNothing(s.key(1), "a Set refused for its ttl")
	}
}
