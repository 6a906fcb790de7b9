package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

const (
	millisecond = int64(time.Millisecond)
	second      = int64(time.Second)
	quick       = float64(10 * time.Millisecond)
)

// tb is what the helpers need of *testing.T and *rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// fleet is a group at one moment, driven call by call.
type fleet struct {
	eject.Group
	states []*eject.State
	c      eject.Config
	now    int64
}

func newFleet(n int, c eject.Config) *fleet {
	f := &fleet{c: c.WithDefaults(), now: second}
	for range n {
		f.states = append(f.states, new(eject.State))
	}
	f.sweep()
	return f
}

func (f *fleet) sweep() eject.Summary { return f.Sweep(f.now, f.states, &f.c) }

// wait lets time pass, with a sweep per interval.
func (f *fleet) wait(d time.Duration) {
	for end := f.now + int64(d); f.now < end; {
		f.now = min(f.now+int64(f.c.Interval), end)
		f.sweep()
	}
}

// calls ends calls at endpoint i, of which so many failed, spread evenly; the last
// one is a failure if there is any.
func (f *fleet) calls(i, calls, failed int, latency float64) (ejected bool) {
	for k := range calls {
		fails := (k+1)*failed/calls > k*failed/calls
		ejected = f.states[i].Count(f.now, fails, latency, &f.c) || ejected
	}
	return ejected
}

// everybody makes calls at all endpoints.
func (f *fleet) everybody(calls, failed int, latency float64) {
	for i := range f.states {
		f.calls(i, calls, failed, latency)
	}
}

// out is how many are not admitted.
func (f *fleet) out() int {
	out := 0
	for _, s := range f.states {
		if _, until, _ := s.Explain(f.now); until != 0 {
			out++
		}
	}
	return out
}

func (f *fleet) wantReason(t tb, i int, want eject.Reason) {
	t.Helper()
	if got, _, n := f.states[i].Explain(f.now); got != want {
		t.Errorf("endpoint %d is out for %v, want %v: %+v", i, got, want, n)
	}
}

// untilProbation lets time pass till endpoint i is on probation.
func (f *fleet) untilProbation(t tb, i int) {
	t.Helper()
	_, until, _ := f.states[i].Explain(f.now)
	if until == 0 {
		t.Fatalf("endpoint %d is not ejected", i)
	}
	f.wait(time.Duration(max(until-f.now, 0)))
}

// pass makes endpoint i pass probation.
func (f *fleet) pass(t tb, i int) {
	t.Helper()
	f.untilProbation(t, i)
	for range f.c.ProbationCalls {
		if v := f.states[i].Admit(f.now); v != eject.Single {
			t.Fatalf("endpoint %d on probation is %v, want single", i, v)
		}
		f.now += millisecond
		f.states[i].Count(f.now, false, quick/100, &f.c)
	}
	if v := f.states[i].Admit(f.now); v != eject.Open {
		t.Fatalf("endpoint %d is %v after probation, want open", i, v)
	}
}

func TestDueOncePerInterval(t *testing.T) {
	var g eject.Group
	c := eject.Config{Interval: 3 * time.Second}.WithDefaults()
	due := func(now int64, want bool) {
		t.Helper()
		if got := g.Due(now); got != want {
			t.Errorf("Due at %v is %v, want %v", time.Duration(now), got, want)
		}
	}
	due(0, true)
	due(0, false)
	due(second-1, false)
	g.Sweep(second, nil, &c)
	due(second, true) // still by the default interval
	due(4*second-1, false)
	due(4*second, true)
	due(1000*second, true)
	due(1000*second, false)
}

func TestSweepDoesNotAllocate(t *testing.T) {
	f := newFleet(100, eject.Config{})
	n := testing.AllocsPerRun(100, func() {
		f.now += second
		f.everybody(30, 3, quick)
		f.calls(7, 30, 30, quick)
		f.sweep()
	})
	if n != 0 {
		t.Errorf("a sweep makes %v allocations, want none", n)
	}
}
