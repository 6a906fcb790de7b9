package eject_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestLatency(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		hosts int
		slow  int           // how many are slow
		base  time.Duration // latency of the others
		took  time.Duration // latency of the slow ones
		calls int           // of the slow ones
		c     eject.Config
		want  int
	}{
		{"a clear outlier", 10, 1, 10 * ms, 100 * ms, 20, eject.Config{}, 1},
		{"two", 10, 2, 10 * ms, 100 * ms, 20, eject.Config{}, 2},
		{"a slow quarter is no outlier", 12, 3, 10 * ms, 100 * ms, 20, eject.Config{}, 0},
		{"a slow half is no outlier", 10, 5, 10 * ms, 100 * ms, 20, eject.Config{}, 0},
		{"fast outliers", 10, 8, 10 * ms, 100 * ms, 20, eject.Config{}, 0},
		{"less than the factor", 10, 1, 10 * ms, 29 * ms, 20, eject.Config{}, 0},
		{"more than the factor", 10, 1, 10 * ms, 31 * ms, 20, eject.Config{}, 1},
		{"the next zone", 10, 1, 100 * time.Microsecond, 2 * ms, 20, eject.Config{}, 0},
		{"another margin", 10, 1, 100 * time.Microsecond, 2 * ms, 20, eject.Config{LatencyMargin: ms}, 1},
		{"too few calls", 10, 1, 10 * ms, 100 * ms, 19, eject.Config{}, 0},
		{"five hosts", 5, 1, 10 * ms, 100 * ms, 20, eject.Config{}, 1},
		{"too few hosts", 4, 1, 10 * ms, 100 * ms, 20, eject.Config{}, 0},
		{"off", 10, 1, 10 * ms, 100 * ms, 20, eject.Config{LatencyFactor: eject.Off}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFleet(tt.hosts, tt.c)
			for i := range f.states {
				if i < tt.slow {
					f.calls(i, tt.calls, 0, float64(tt.took))
				} else {
					f.calls(i, 50, 0, float64(tt.base))
				}
			}
			if got := f.sweep().New[eject.Latency]; got != tt.want {
				t.Errorf("%d are ejected for latency, want %d", got, tt.want)
			}
		})
	}
}

// One call in ten that takes 100 times as long may deserve it.
func TestAFewSlowCalls(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(100, 0, quick)
	f.calls(0, 11, 0, 100*quick)
	f.sweep()
	f.wantReason(t, 0, eject.None)
}

// The duration of a stream is no latency, and neither is that of a failure.
func TestWhatIsNoLatency(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(100, 0, quick)
	for range 100 {
		f.states[0].Count(f.now, false, -1000*quick, &f.c)
		f.states[0].Count(f.now, false, 0, &f.c)
	}
	f.calls(0, 4, 4, 1000*quick)
	f.sweep()
	_, _, n := f.states[0].Explain(f.now)
	if got := float64(n.Latency); got < 0.99*quick || got > 1.01*quick {
		t.Errorf("the average latency is %v, want 10ms", n.Latency)
	}
}

// After ejection for latency, a slow call on probation is a failure.
func TestSlowOnProbation(t *testing.T) {
	f := newFleet(10, eject.Config{Window: 10 * time.Minute})
	f.everybody(1000, 0, quick)
	f.states[0] = new(eject.State)
	f.calls(0, 100, 0, 10*quick)
	f.sweep()
	f.wantReason(t, 0, eject.Latency)
	f.untilProbation(t, 0)
	if !f.states[0].Count(f.now, false, 10*quick, &f.c) {
		t.Error("a slow call does not eject again")
	}
	f.wantReason(t, 0, eject.Latency)
	f.pass(t, 0)
}

// A call on probation that is long under way says nothing for an endpoint that is slow.
func TestSilenceIsNoSpeed(t *testing.T) {
	f := newFleet(10, eject.Config{})
	f.everybody(50, 0, quick)
	f.states[0] = new(eject.State)
	f.calls(0, 50, 0, 100*quick)
	f.sweep()
	f.untilProbation(t, 0)
	for range 10 {
		if v := f.states[0].Admit(f.now); v != eject.Single {
			t.Fatalf("the verdict is %v, want single", v)
		}
		f.wait(f.c.ProbationTimeout)
	}
	f.wantReason(t, 0, eject.Latency)
}
