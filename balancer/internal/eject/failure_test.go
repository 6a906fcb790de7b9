package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestFailurePercentage(t *testing.T) {
	for _, tt := range []struct {
		name          string
		calls, failed int // of endpoint 0
		othersFailed  int // of 100 calls each
		c             eject.Config
		want          eject.Reason
	}{
		{"30 % against none", 100, 30, 0, eject.Config{}, eject.FailurePercent},
		{"20 % against none", 20, 4, 0, eject.Config{}, eject.FailurePercent},
		{"below the threshold", 100, 19, 0, eject.Config{}, eject.None},
		{"too few calls", 19, 10, 0, eject.Config{}, eject.None},
		{"others fail as much", 100, 30, 30, eject.Config{}, eject.None},
		{"within the margin", 1000, 330, 24, eject.Config{}, eject.None},
		{"above the margin", 1000, 350, 24, eject.Config{}, eject.FailurePercent},
		{"an accident, with so few calls", 20, 10, 25, eject.Config{}, eject.None},
		{"no accident, with so many", 200, 100, 25, eject.Config{}, eject.FailurePercent},
		{"another threshold", 100, 30, 0, eject.Config{FailurePercent: 31}, eject.None},
		{"another margin", 100, 30, 1, eject.Config{FailureMargin: 30}, eject.None},
		{"another volume", 100, 30, 0, eject.Config{RequestVolume: 101}, eject.None},
		{"off", 100, 30, 0, eject.Config{FailurePercent: eject.Off}, eject.None},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFleet(10, tt.c)
			f.everybody(100, tt.othersFailed, quick)
			f.states[0] = new(eject.State)
			f.sweep()
			f.calls(0, tt.calls, tt.failed, quick)
			f.sweep()
			f.wantReason(t, 0, tt.want)
			if out := f.out(); out > 1 {
				t.Errorf("%d are ejected, want at most one", out)
			}
		})
	}
}

// Two endpoints are enough to compare.
func TestFailurePercentageOfTwo(t *testing.T) {
	f := newFleet(2, eject.Config{})
	f.everybody(50, 0, quick)
	f.calls(1, 50, 25, quick)
	f.sweep()
	f.wantReason(t, 0, eject.None)
	f.wantReason(t, 1, eject.FailurePercent)
}

// Old calls fade: a failing minute is forgotten after some windows.
func TestFailuresFade(t *testing.T) {
	f := newFleet(5, eject.Config{RequestVolume: 10, ConsecutiveFailures: eject.Off, MaxEjectionPercent: eject.Off})
	f.everybody(1000, 0, quick)
	f.calls(0, 1000, 500, quick)
	f.sweep()
	f.wait(30 * time.Second) // leaves 5 %
	f.c.MaxEjectionPercent = 30
	_, _, n := f.states[0].Explain(f.now)
	if n.Calls < 90 || n.Calls > 110 {
		t.Errorf("of 2000 calls %v are left after three windows, want about 100", n.Calls)
	}
	f.calls(0, 200, 0, quick)
	f.sweep()
	f.wantReason(t, 0, eject.None)
}

// The time since an endpoint was last swept fades its calls even if the group
// is new, as after a change of configuration.
func TestFadingSurvivesTheGroup(t *testing.T) {
	f := newFleet(5, eject.Config{})
	f.calls(0, 1000, 100, quick)
	f.sweep()
	f.now += 10 * second
	next := new(eject.Group)
	next.Sweep(f.now, f.states, &f.c)
	_, _, n := f.states[0].Explain(f.now)
	if n.Calls < 360 || n.Calls > 375 {
		t.Errorf("of 1000 calls %v are left after one window, want 368", n.Calls)
	}
}

// grpc-go's EjectFailureRate, in numbers: three endpoints, of which one fails all calls; after
// it is ejected and recovers, it is used again.
func TestEjectFailureRate(t *testing.T) {
	f := newFleet(3, eject.Config{ConsecutiveFailures: eject.Off})
	f.everybody(50, 0, quick)
	f.sweep()
	if n := f.out(); n != 0 {
		t.Fatalf("%d are ejected while all succeed", n)
	}
	f.calls(0, 50, 0, quick)
	f.calls(1, 50, 0, quick)
	f.calls(2, 50, 50, quick)
	f.sweep()
	f.wantReason(t, 2, eject.FailurePercent)
	if n := f.out(); n != 1 {
		t.Fatalf("%d are ejected, want 1", n)
	}
	f.pass(t, 2)
	f.calls(2, 50, 0, quick)
	f.wait(20 * time.Second)
	if share := f.states[2].Share(f.now, &f.c); share != 1 {
		t.Errorf("its share is %v after the return, want 1", share)
	}
}

// grpc-go's EjectUnejectSuccessRate: one of three always fails and is ejected; when time is
// over and it still fails it is ejected again; the others never are.
func TestEjectUnejectSuccessRate(t *testing.T) {
	f := newFleet(3, eject.Config{})
	for range 3 {
		for range 5 {
			f.calls(0, 20, 0, quick)
			f.calls(1, 20, 0, quick)
			if f.states[2].Admit(f.now) != eject.Closed {
				f.calls(2, 20, 20, quick/10)
			}
			f.wait(time.Second)
		}
		if n := f.out(); n != 1 {
			t.Fatalf("%d are ejected, want 1", n)
		}
		f.untilProbation(t, 2)
		if v := f.states[2].Admit(f.now); v != eject.Single {
			t.Fatalf("after the ejection time the verdict is %v, want single", v)
		}
		f.now += millisecond
		if !f.states[2].Count(f.now, true, float64(millisecond), &f.c) {
			t.Fatal("a failed call on probation does not eject again")
		}
	}
	if _, _, n := f.states[2].Explain(f.now); n.Ejections < 4 || n.Lately < 4 {
		t.Errorf("after four ejections: %+v", n)
	}
}

// The calls that led to an ejection are not held against the endpoint again.
func TestNewPeriodAfterReturn(t *testing.T) {
	f := newFleet(10, eject.Config{Window: 10 * time.Minute})
	f.everybody(1000, 0, quick)
	f.states[0] = new(eject.State)
	f.calls(0, 1000, 500, 10*quick)
	f.sweep()
	f.wantReason(t, 0, eject.FailurePercent)
	f.pass(t, 0)
	f.calls(0, 30, 0, quick/1000)
	f.wait(time.Minute)
	if _, _, n := f.states[0].Explain(f.now); n.Ejections != 1 || n.Failures != 0 || n.Latency > time.Millisecond {
		t.Errorf("after 30 quick successes: %+v", n)
	}
}
