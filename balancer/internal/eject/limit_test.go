package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestMaxEjectionPercent(t *testing.T) {
	for _, tt := range []struct {
		hosts, percent, want int
	}{
		{1, 30, 0},
		{1, 100, 0},
		{2, 30, 1},
		{2, 100, 1},
		{3, 30, 1},
		{6, 30, 1},
		{7, 30, 2},
		{10, 30, 3},
		{10, 10, 1},
		{10, 100, 9},
		{100, 1, 1},
		{100, 30, 30},
		{5, eject.Off, 0},
	} {
		c := eject.Config{MaxEjectionPercent: tt.percent, PanicPercent: eject.Off}
		f := newFleet(tt.hosts, c)
		f.everybody(5, 5, quick)
		if got := f.out(); got != tt.want {
			t.Errorf("of %d hosts, limit %d %%: %d are ejected by failures in a row, want %d", tt.hosts, tt.percent, got, tt.want)
		}
		f.wait(2 * time.Second)
		if got := f.out(); got != tt.want {
			t.Errorf("of %d hosts, limit %d %%: %d are ejected by the sweep, want %d", tt.hosts, tt.percent, got, tt.want)
		}
	}
}

func TestSweepEjectsTheWorst(t *testing.T) {
	f := newFleet(20, eject.Config{MaxEjectionPercent: 15})
	for i := range f.states {
		f.calls(i, 100, 5*(i%8), quick)
	}
	if got := f.sweep().New[eject.FailurePercent]; got != 3 {
		t.Fatalf("%d are ejected, want 3", got)
	}
	// 35 % fail endpoints 7 and 15, 30 % fail 6 and 14.
	f.wantReason(t, 7, eject.FailurePercent)
	f.wantReason(t, 15, eject.FailurePercent)
	_, six, _ := f.states[6].Explain(f.now)
	_, fourteen, _ := f.states[14].Explain(f.now)
	if (six == 0) == (fourteen == 0) {
		t.Errorf("6 is ejected until %d and 14 until %d, want one of them", six, fourteen)
	}
}

// When healthy members leave, the sweep readmits those with the least time left.
func TestMembersLeave(t *testing.T) {
	f := newFleet(10, eject.Config{})
	for i := range 3 {
		f.calls(i, 5, 5, quick)
		f.now += second
	}
	if n := f.out(); n != 3 {
		t.Fatalf("%d are ejected, want 3", n)
	}
	f.states = f.states[:4]
	if got := f.sweep(); got.Ejected != 1 || got.Returning != 2 {
		t.Errorf("after others left: %+v, want 1 ejected, 2 returning", got)
	}
	if v := f.states[2].Admit(f.now); v != eject.Closed {
		t.Errorf("the last one ejected is %v, want closed", v)
	}
	f.states = f.states[2:3]
	if got := f.sweep(); got.Ejected != 0 {
		t.Errorf("the last member is ejected: %+v", got)
	}
	f.states = nil
	if got := f.sweep(); got != (eject.Summary{}) {
		t.Errorf("of nobody: %+v", got)
	}
}

func TestPanic(t *testing.T) {
	f := newFleet(10, eject.Config{})
	for i := range 5 {
		f.calls(i, 5, 5, quick)
	}
	if got := f.sweep(); got.Panic || f.Panic() || got.Ejected != 3 || got.Unwell != 2 {
		t.Errorf("with 5 of 10 well: %+v, want 3 ejected, 2 unwell, no panic", got)
	}
	f.calls(5, 5, 5, quick)
	if got := f.sweep(); !got.Panic || !f.Panic() || got.Ejected != 3 || got.Unwell != 3 {
		t.Errorf("with 4 of 10 well: %+v, want 3 ejected, 3 unwell, panic", got)
	}
	// A failure on probation is not held against anybody in panic.
	f.untilProbation(t, 0)
	_, until, _ := f.states[0].Explain(f.now)
	if f.calls(0, 20, 20, quick/10) {
		t.Error("in panic an ejection is made longer")
	}
	if _, now, _ := f.states[0].Explain(f.now); now != until {
		t.Errorf("in panic the end of an ejection moved from %d to %d", until, now)
	}
	if i := f.Trial(f.now, f.states); i != -1 {
		t.Errorf("in panic Trial finds %d, want -1", i)
	}
	for i := range 6 {
		f.calls(i, 3, 0, quick/10)
	}
	if got := f.sweep(); got.Panic || f.Panic() || got.Ejected != 0 || got.Unwell != 0 {
		t.Errorf("after recovery: %+v, want nobody ejected or unwell", got)
	}
}

// Half of all calls fail everywhere: hardly anybody fails five in a row, but nobody is well.
func TestPanicByPercentage(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(100, 50, quick)
	if got := f.sweep(); !got.Panic || got.Ejected != 0 {
		t.Errorf("with half of all calls failing: %+v, want panic, nobody ejected", got)
	}
	f = newFleet(10, eject.Config{PanicPercent: eject.Off})
	f.everybody(100, 50, quick)
	if got := f.sweep(); got.Panic {
		t.Errorf("with panic off: %+v", got)
	}
}

// In panic nobody is ejected who would be otherwise.
func TestPanicEjectsNobody(t *testing.T) {
	f := newFleet(10, eject.Config{PanicPercent: 100})
	f.everybody(100, 0, quick)
	f.calls(0, 100, 50, quick)
	if got := f.sweep(); !got.Panic || got.Ejected != 0 || got.Unwell != 1 {
		t.Errorf("with one of ten unwell, and a threshold of all: %+v, want panic, nobody ejected", got)
	}
	if f.calls(1, 50, 50, quick) {
		t.Error("in panic failures in a row eject")
	}
	f.c.PanicPercent = 50
	if got := f.sweep(); got.Panic || got.Ejected != 2 {
		t.Errorf("with eight of ten well, and a threshold of half: %+v, want 2 ejected, no panic", got)
	}
}
