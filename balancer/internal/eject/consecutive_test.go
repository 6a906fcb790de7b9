package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestConsecutiveFailuresEjectAtOnce(t *testing.T) {
	f := newFleet(4, eject.Config{})
	for k := range 4 {
		if f.states[0].Count(f.now, true, quick, &f.c) {
			t.Fatalf("failure %d ejects, want the fifth", k+1)
		}
	}
	if v := f.states[0].Admit(f.now); v != eject.Open {
		t.Fatalf("after four failures the verdict is %v, want open", v)
	}
	if !f.states[0].Count(f.now, true, quick, &f.c) {
		t.Fatal("the fifth failure in a row does not eject")
	}
	if v := f.states[0].Admit(f.now); v != eject.Closed {
		t.Errorf("after five failures the verdict is %v, want closed", v)
	}
	f.wantReason(t, 0, eject.ConsecutiveFailures)
}

func TestSuccessInBetween(t *testing.T) {
	f := newFleet(4, eject.Config{FailurePercent: eject.Off})
	for range 100 {
		f.calls(0, 4, 4, quick)
		f.calls(0, 1, 0, quick)
	}
	f.sweep()
	f.wantReason(t, 0, eject.None)
}

func TestErrorsOfTheRequestDoNotEject(t *testing.T) {
	f := newFleet(4, eject.Config{})
	for range 20 {
		f.everybody(50, 0, quick)
		f.calls(0, 500, 0, quick/1000)
		f.wait(time.Second)
	}
	if n := f.out(); n != 0 {
		t.Errorf("%d endpoints are ejected that never failed", n)
	}
}

// Where all fail 30 % of their calls, five in a row are an accident.
func TestRowMustExceedWhatOthersFail(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(100, 30, quick)
	f.sweep()
	f.calls(0, 1, 0, quick)
	if f.calls(0, 11, 11, quick) {
		t.Error("11 failures in a row eject, where others fail 30 %")
	}
	if !f.calls(0, 1, 1, quick) {
		t.Error("12 failures in a row do not eject, where others fail 30 %: 0.3^12 < 1e-6")
	}
}

func TestUnknownGroupDoesNotEject(t *testing.T) {
	c := eject.Config{}.WithDefaults()
	var s eject.State
	for range 100 {
		if s.Count(second, true, 0, &c) {
			t.Fatal("an endpoint is ejected before the first sweep, whatever the others do")
		}
	}
	var g eject.Group
	states := []*eject.State{&s, new(eject.State), new(eject.State)}
	if got := g.Sweep(second, states, &c).New[eject.ConsecutiveFailures]; got != 1 {
		t.Errorf("the first sweep ejects %d, want 1", got)
	}
	if v := s.Admit(second); v != eject.Closed {
		t.Errorf("the verdict is %v, want closed", v)
	}
}

func TestRulesOff(t *testing.T) {
	f := newFleet(10, eject.Config{ConsecutiveFailures: eject.Off, FailurePercent: eject.Off, LatencyFactor: eject.Off})
	for range 10 {
		f.everybody(50, 0, quick)
		f.calls(0, 50, 50, 1000*quick)
		f.calls(1, 50, 0, 1000*quick)
		f.wait(time.Second)
	}
	if n := f.out(); n != 0 {
		t.Errorf("%d endpoints are ejected with all rules off", n)
	}
	f = newFleet(10, eject.Config{MaxEjectionPercent: eject.Off})
	f.calls(0, 50, 50, quick)
	f.sweep()
	if n := f.out(); n != 0 {
		t.Errorf("%d endpoints are ejected with a limit of none", n)
	}
}

// What was in flight at the ejection tells nothing about the time after.
func TestCallsBegunBeforeEjectionAreIgnored(t *testing.T) {
	f := newFleet(4, eject.Config{})
	f.calls(0, 5, 5, quick)
	ejected := f.now
	f.untilProbation(t, 0)
	began := float64(f.now - ejected + 1)
	for _, latency := range []float64{began, -began} {
		if f.states[0].Count(f.now, true, latency, &f.c) {
			t.Error("the failure of a call from before the ejection ejects again")
		}
	}
	for range 10 {
		f.states[0].Count(f.now, false, began, &f.c)
	}
	if _, until, n := f.states[0].Explain(f.now); until == 0 || n.Streak != 0 {
		t.Errorf("successes from before the ejection count: until %d, %+v", until, n)
	}
	f.pass(t, 0)
	f.sweep() // its place among the ejected is free again
	began = float64(f.now - ejected + 1)
	if f.calls(0, 5, 5, began) {
		t.Error("failures of calls from before the ejection eject after the return")
	}
	if !f.calls(0, 5, 5, quick/100) {
		t.Error("five new failures in a row do not eject")
	}
}
