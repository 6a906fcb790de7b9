package callstate_test

import (
	"context"
	"testing"

	"github.com/freshet-io/freshet/balancer/callstate"
)

func TestAffinity(t *testing.T) {
	_, s := callstate.New(context.Background())
	if w := s.Wish(); w.HasAffinity || w.Affinity != "" {
		t.Errorf("a fresh State wishes %+v", w)
	}
	s.SetAffinity("")
	if w := s.Wish(); !w.HasAffinity || w.Affinity != "" {
		t.Errorf("with the empty key: %+v", w)
	}
	s.SetAffinity("a")
	s.SetAffinity("b")
	s.MarkStream()
	if w := s.Wish(); !w.HasAffinity || w.Affinity != "b" || !w.Stream {
		t.Errorf("the last key and the mark are not wished: %+v", w)
	}
}

func TestFailedEndpoints(t *testing.T) {
	_, s := callstate.New(context.Background())
	check := func(step string, want ...any) {
		t.Helper()
		w := s.Wish()
		if w.Failures != len(want) {
			t.Fatalf("%s: %d failed endpoints, want %d", step, w.Failures, len(want))
		}
		for i := range want {
			if w.Failed[i] != want[i] {
				t.Errorf("%s: failed endpoint %d is %v, want %v", step, i, w.Failed[i], want[i])
			}
		}
	}
	check("at first")
	s.Ended("a", true)
	s.Ended("b", true)
	s.Ended("a", true)
	check("after failures, one of them twice", "a", "b")
	s.Ended("c", true)
	s.Ended("d", true)
	s.Ended("e", true)
	check("after more than are remembered", "b", "c", "d", "e")
	s.Ended("f", false)
	check("after a success")
}
