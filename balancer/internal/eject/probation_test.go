package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

// ejected returns a fleet of ten whose endpoint 0 has just been ejected.
func ejected(t tb, c eject.Config) *fleet {
	t.Helper()
	f := newFleet(10, c)
	f.everybody(30, 0, quick)
	f.sweep()
	if !f.calls(0, 5, 5, quick/10) {
		t.Fatalf("five failures do not eject")
	}
	return f
}

func TestProbationIsOneCallAtATime(t *testing.T) {
	f := ejected(t, eject.Config{})
	s := f.states[0]
	_, until, _ := s.Explain(f.now)
	if s.Allowed(until-1) || s.Admit(until-1) != eject.Closed {
		t.Error("a call is let through before the ejection is over")
	}
	f.untilProbation(t, 0)
	for range 3 {
		if !s.Allowed(f.now) || s.Admit(f.now) != eject.Single {
			t.Fatal("on probation no call is let through")
		}
		if s.Allowed(f.now) || s.Admit(f.now) != eject.Closed {
			t.Fatal("a second call is let through while the first is under way")
		}
		s.Release()
	}
}

func TestProbationNeedsARowOfSuccesses(t *testing.T) {
	f := ejected(t, eject.Config{ProbationCalls: 4})
	f.untilProbation(t, 0)
	for k := range 4 {
		if _, _, n := f.states[0].Explain(f.now); n.Phase != eject.Probation || n.Streak != k {
			t.Fatalf("after %d successes: %+v", k, n)
		}
		f.states[0].Admit(f.now)
		f.states[0].Count(f.now, false, quick, &f.c)
	}
	if _, _, n := f.states[0].Explain(f.now); n.Phase != eject.Returning {
		t.Errorf("after 4 successes: %+v", n)
	}
	f.wantReason(t, 0, eject.ConsecutiveFailures)
	f.wait(f.c.ReturnWindow)
	if _, until, n := f.states[0].Explain(f.now); n.Phase != eject.Normal || until != 0 {
		t.Errorf("after the return: until %d, %+v", until, n)
	}
	f.wantReason(t, 0, eject.None)
}

// Calls that went to an ejected endpoint in panic neither end the ejection nor make it longer.
func TestCallsBeforeProbationDoNotCount(t *testing.T) {
	f := ejected(t, eject.Config{})
	_, until, _ := f.states[0].Explain(f.now)
	f.now = until - 1
	f.calls(0, 10, 0, quick)
	if f.calls(0, 10, 10, quick) {
		t.Error("a failure ejects that is ejected")
	}
	if _, now, n := f.states[0].Explain(f.now); now != until || n.Streak != 0 {
		t.Errorf("until moved from %d to %d: %+v", until, now, n)
	}
}

// The claim of a call whose end never comes expires; such calls are no failures,
// so that streams that stay open lead to the return as well.
func TestLeaseExpires(t *testing.T) {
	f := ejected(t, eject.Config{ProbationTimeout: 2 * time.Second})
	f.untilProbation(t, 0)
	s := f.states[0]
	for range 4 {
		if v := s.Admit(f.now); v != eject.Single {
			t.Fatalf("the verdict is %v, want single", v)
		}
		if v := s.Admit(f.now + 2*second - 1); v != eject.Closed {
			t.Fatalf("the verdict before the timeout is %v, want closed", v)
		}
		f.now += 2 * second
	}
	f.sweep()
	if v := s.Admit(f.now); v != eject.Open {
		t.Errorf("after three silent calls the verdict is %v, want open", v)
	}
}

// A50: "the ejection time is the base ejection time times the number of ejections", up
// to a maximum, and the number shrinks while the endpoint does well.
func TestEjectionTimeGrowsAndShrinks(t *testing.T) {
	f := ejected(t, eject.Config{MaxEjectionTime: 18 * time.Second})
	lasts := func(want time.Duration) {
		t.Helper()
		_, until, n := f.states[0].Explain(f.now)
		if got := time.Duration(until - f.now); got > want || got < want*3/4 {
			t.Errorf("the ejection lasts %v, want %v less at most a quarter: %+v", got, want, n)
		}
	}
	lasts(5 * time.Second)
	for _, want := range []int{10, 15, 18, 18, 18, 18, 18} {
		f.untilProbation(t, 0)
		f.states[0].Admit(f.now)
		if !f.states[0].Count(f.now, true, 0, &f.c) {
			t.Fatal("a failure on probation does not eject")
		}
		lasts(time.Duration(want) * time.Second)
	}
	f.pass(t, 0)
	f.wait(f.c.ReturnWindow + 2*f.c.ReturnWindow + 2*time.Second) // the ramp, and two steps
	f.calls(0, 5, 5, quick)
	lasts(15 * time.Second)
}

// A50: an ejection is over when the time of the present configuration has passed.
func TestEjectionIsShortened(t *testing.T) {
	f := ejected(t, eject.Config{BaseEjectionTime: time.Hour, MaxEjectionTime: time.Hour})
	f.c.BaseEjectionTime, f.c.MaxEjectionTime = 2*time.Second, 2*time.Second
	f.sweep()
	if _, until, _ := f.states[0].Explain(f.now); until != f.now+2*second {
		t.Errorf("with 2 s as the longest time the ejection ends in %v", time.Duration(until-f.now))
	}
	f.wait(2 * time.Second)
	f.pass(t, 0)
}

// A service of streams, whose ends have no known beginning.
func TestUntimedCallsOnProbation(t *testing.T) {
	f := ejected(t, eject.Config{})
	f.untilProbation(t, 0)
	for range 3 {
		f.states[0].Admit(f.now)
		f.states[0].Count(f.now, false, 0, &f.c)
	}
	if v := f.states[0].Admit(f.now); v != eject.Open {
		t.Errorf("after three streams the verdict is %v, want open", v)
	}
}

// Where the others fail as well, a failure on probation is no proof.
func TestProbationBesideFailingOthers(t *testing.T) {
	f := ejected(t, eject.Config{PanicPercent: eject.Off})
	for range 5 {
		for i := range f.states[1:] {
			f.calls(i+1, 20, 6, quick)
		}
		f.wait(time.Second)
	}
	f.untilProbation(t, 0)
	_, until, _ := f.states[0].Explain(f.now)
	f.states[0].Count(f.now, false, quick, &f.c)
	if f.states[0].Count(f.now, true, quick, &f.c) {
		t.Error("a failure ejects again, where the others fail 30 %")
	}
	if _, now, n := f.states[0].Explain(f.now); now != until || n.Streak != 0 {
		t.Errorf("until moved from %d to %d, or the row did not begin anew: %+v", until, now, n)
	}
	f.pass(t, 0)
}

func TestTrialFindsProbation(t *testing.T) {
	f := ejected(t, eject.Config{})
	f.calls(7, 5, 5, quick)
	if i := f.Trial(f.now, f.states); i != -1 {
		t.Errorf("Trial finds %d before the time is over, want -1", i)
	}
	f.wait(5 * time.Second)
	found := map[int]int{}
	for range 4 {
		found[f.Trial(f.now, f.states)]++
	}
	if found[0] != 1 || found[7] != 1 || found[-1] != 2 {
		t.Errorf("Trial finds %v, want 0 and 7 once each", found)
	}
	if i := f.Trial(f.now+20*second, f.states[:3]); i != 0 {
		t.Errorf("among fewer endpoints Trial finds %d, want 0", i)
	}
}

// With more than fit a list at once, everybody has its turn.
func TestTrialReachesEverybody(t *testing.T) {
	f := newFleet(200, eject.Config{})
	for i := range 60 {
		f.calls(3*i, 5, 5, quick)
	}
	if n := f.out(); n != 60 {
		t.Fatalf("%d are ejected, want 60", n)
	}
	f.wait(5 * time.Second)
	found := map[int]bool{}
	for range 8 {
		for i := f.Trial(f.now, f.states); i >= 0; i = f.Trial(f.now, f.states) {
			found[i] = true
		}
		f.wait(time.Second)
	}
	if len(found) != 60 {
		t.Errorf("Trial finds %d of 60 within 8 sweeps", len(found))
	}
}
