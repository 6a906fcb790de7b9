package storetest

import (
	"bytes"
	"context"
	"errors"

	"github.com/freshet-io/freshet/interceptor/store"
)

var limitRules = []rule{
	{name: "largest value", check: largestValue},
	{name: "too large a value", check: tooLargeAValue},
	{name: "cancelled context", check: cancelledContext},
}

func largestValue(s *subject) {
	s.needsLimit()
	for i := range 3 {
		v := s.value(i, s.maxValue)
		s.mustSet(s.key(0), v, s.long())
		s.wantValue(s.key(0), v, "the largest value")
	}
}

func tooLargeAValue(s *subject) {
	s.needsLimit()
	const others = 500
	for i := range others {
		s.mustSet(s.key(i), s.value(i, 20), s.long())
	}
	for _, n := range []int{s.maxValue + 1, s.maxValue * 20} {
		for _, k := range []store.Key{s.key(0), s.key(others)} {
			err := s.Set(context.Background(), k, make([]byte, n), s.long())
			if !errors.Is(err, store.ErrTooLarge) {
				s.Errorf("Set of %d bytes = %v, want an error that matches ErrTooLarge", n, err)
			}
		}
	}
	s.wantNothing(s.key(others), "a Set refused for its size")
	for i := range others {
		s.wantValue(s.key(i), s.value(i, 20), "a Set refused for its size")
	}
}

func (s *subject) needsLimit() {
	s.Helper()
	if s.maxValue <= 0 {
		s.Skip("the limit is not known, see WithMaxValueBytes")
	}
}

// cancelledContext accepts that ctx is ignored or obeyed, but nothing between.
func cancelledContext(s *subject) {
	ctx, cancel := context.WithCancel(context.Background())
	s.mustSet(s.key(0), s.value(0, 20), s.long())
	cancel()
	ok := func(op string, err error) {
		s.Helper()
		if err != nil && !errors.Is(err, context.Canceled) {
			s.Errorf("%s with a cancelled context = %v, want nil or context.Canceled", op, err)
		}
	}
	v, found, err := s.Get(ctx, s.key(0))
	ok("Get", err)
	if err != nil && (found || v != nil) {
		s.Errorf("Get gave an error and also %s, %v", brief(v), found)
	}
	if err == nil && found && !bytes.Equal(v, s.value(0, 20)) {
		s.Errorf("Get with a cancelled context gave %s, want %s", brief(v), brief(s.value(0, 20)))
	}
	ok("Set", s.Set(ctx, s.key(1), s.value(1, 20), s.long()))
	ok("Delete", s.Delete(ctx, s.key(2)))

	s.wantValue(s.key(0), s.value(0, 20), "after operations with a cancelled context")
	if v, found := s.get(s.key(1)); found && !bytes.Equal(v, s.value(1, 20)) {
		s.Errorf("Set with a cancelled context left %s, want all of it or nothing", brief(v))
	}
}
