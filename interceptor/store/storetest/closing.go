package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/freshet-io/freshet/interceptor/store"
)

var closingRules = []rule{
	{name: "closed", check: closed},
	{name: "close twice", check: closeTwice},
	{name: "close during operations", check: closeDuringOperations},
}

func closed(s *subject) {
	ctx := context.Background()
	s.mustSet(s.key(0), s.value(0, 20), s.long())
	if err := s.Close(); err != nil {
		s.Fatalf("Close() = %v, want nil", err)
	}
	v, found, err := s.Get(ctx, s.key(0))
	if v != nil || found {
		s.Errorf("Get of a closed store gave %s, %v, want nothing", brief(v), found)
	}
	for op, err := range map[string]error{
		"Get":               err,
		"Set":               s.Set(ctx, s.key(0), s.value(1, 20), s.long()),
		"Set without a ttl": s.Set(ctx, s.key(0), s.value(1, 20), 0),
		"Delete":            s.Delete(ctx, s.key(0)),
		"Delete of nothing": s.Delete(ctx, s.key(1)),
	} {
		if !errors.Is(err, store.ErrClosed) {
			s.Errorf("%s of a closed store = %v, want an error that matches ErrClosed", op, err)
		}
	}
}

func closeTwice(s *subject) {
	for i := range 3 {
		if err := s.Close(); err != nil {
			s.Errorf("Close() number %d = %v, want nil", i+1, err)
		}
	}
}

func closeDuringOperations(s *subject) {
	ctx := context.Background()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 10_000 {
				k := s.key((g + i) % 16)
				_, _, getErr := s.Get(ctx, k)
				setErr := s.Set(ctx, k, s.value(g, 100), s.long())
				delErr := s.Delete(ctx, k)
				if err := errors.Join(getErr, setErr, delErr); err != nil {
					if !errors.Is(err, store.ErrClosed) {
						s.Errorf("operations while the store closes = %v, want nil or ErrClosed", err)
					}
					return
				}
				if g < 2 && i == 50 {
					if err := s.Close(); err != nil {
						s.Errorf("Close() while in use = %v, want nil", err)
					}
				}
			}
		})
	}
	wg.Wait()
}
