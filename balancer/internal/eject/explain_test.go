package eject_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		value fmt.Stringer
		want  string
	}{
		{eject.None, "none"},
		{eject.ConsecutiveFailures, "consecutive failures"},
		{eject.FailurePercent, "failure percentage"},
		{eject.Latency, "latency"},
		{eject.Reason(99), "unknown"},
		{eject.Normal, "normal"},
		{eject.Starting, "starting"},
		{eject.Ejected, "ejected"},
		{eject.Probation, "probation"},
		{eject.Returning, "returning"},
		{eject.Phase(99), "unknown"},
		{eject.Open, "open"},
		{eject.Single, "single"},
		{eject.Closed, "closed"},
	} {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("%T %d is called %q, want %q", tt.value, tt.value, got, tt.want)
		}
	}
}

// One life of an endpoint, as Explain tells it.
func TestExplain(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(30, 0, quick)
	s := f.states[0]
	want := func(phase eject.Phase, reason eject.Reason, ejections uint32) {
		t.Helper()
		got, until, n := s.Explain(f.now)
		if n.Phase != phase || got != reason || n.Ejections != ejections {
			t.Errorf("got %v for %v until %d: %+v, want %v for %v, %d ejections", n.Phase, got, until, n, phase, reason, ejections)
		}
	}
	want(eject.Normal, eject.None, 0)
	s.Arrived(f.now, 1)
	want(eject.Starting, eject.None, 0)
	f.wait(13 * time.Second)
	want(eject.Normal, eject.None, 0)
	f.calls(0, 4, 4, quick)
	if _, _, n := s.Explain(f.now); n.Run != 4 {
		t.Errorf("after four failures: %+v", n)
	}
	f.calls(0, 1, 1, quick)
	want(eject.Ejected, eject.ConsecutiveFailures, 1)
	f.untilProbation(t, 0)
	want(eject.Probation, eject.ConsecutiveFailures, 1)
	f.pass(t, 0)
	want(eject.Returning, eject.ConsecutiveFailures, 1)
	f.wait(10 * time.Second)
	want(eject.Normal, eject.None, 1)
}
