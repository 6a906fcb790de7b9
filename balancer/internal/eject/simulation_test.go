package eject_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func seeds(t *testing.T, run func(t *testing.T, seed uint64)) {
	for seed := uint64(1); seed <= 5; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { run(t, seed) })
	}
}

func failing(share float64, took time.Duration) behaviour {
	return func(at time.Duration, rng *rand.Rand) (time.Duration, bool) {
		if rng.Float64() < share {
			return took, true
		}
		return well(at, rng)
	}
}

func TestSimulatedHealthyFleet(t *testing.T) {
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 20, seed, eject.Config{})
		w.run(3*time.Minute, 500)
		for i, s := range w.states {
			if _, _, n := s.Explain(w.now); n.Ejections != 0 {
				t.Errorf("server %d was ejected: %+v", i, n)
			}
		}
	})
}

// Every server fails 30 % of the calls, independently: nobody is worse than the others.
func TestSimulatedAllFailSome(t *testing.T) {
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 20, seed, eject.Config{})
		w.run(10*time.Second, 500)
		for i := range w.servers {
			w.servers[i] = failing(0.3, time.Millisecond)
		}
		w.run(time.Second, 500) // before anybody can know
		w.reset()
		w.run(5*time.Minute, 500)
		for i := range w.servers {
			if p := w.part(i); p < 0.7 {
				t.Errorf("server %d gets %.2f of its share", i, p)
			}
		}
	})
}

func TestSimulatedOneFailsSome(t *testing.T) {
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 20, seed, eject.Config{})
		w.run(10*time.Second, 500)
		w.servers[3] = failing(0.3, 100*time.Microsecond)
		w.run(10*time.Second, 500)
		w.reset()
		w.run(2*time.Minute, 500)
		if p := w.part(3); p > 0.25 {
			t.Errorf("the one that fails 30 %% gets %.2f of its share", p)
		}
		for i, s := range w.states {
			if _, _, n := s.Explain(w.now); i != 3 && n.Ejections != 0 {
				t.Errorf("server %d, which is well, was ejected: %+v", i, n)
			}
		}
		w.servers[3] = well
		w.run(80*time.Second, 500)
		w.reset()
		w.run(20*time.Second, 500)
		if p := w.part(3); p < 0.8 {
			t.Errorf("after recovery it gets %.2f of its share", p)
		}
	})
}

// A server that fails at once gets next to nothing after the first second.
func TestSimulatedFastFailer(t *testing.T) {
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 100, seed, eject.Config{})
		w.run(5*time.Second, 1000)
		w.servers[42] = failing(1, 100*time.Microsecond)
		w.run(time.Second, 1000)
		w.reset()
		w.run(100*time.Second, 1000)
		if p := w.part(42); p > 0.01 {
			t.Errorf("it gets %.4f of its share", p)
		}
	})
}

// Three seconds well, three seconds failing.
func TestSimulatedFlapping(t *testing.T) {
	flapping := func(at time.Duration, rng *rand.Rand) (time.Duration, bool) {
		if at/(3*time.Second)%2 == 1 {
			return time.Millisecond, true
		}
		return well(at, rng)
	}
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 10, seed, eject.Config{})
		w.servers[0] = flapping
		w.run(time.Minute, 500)
		w.reset()
		w.run(5*time.Minute, 500)
		if p := w.part(0); p > 0.25 {
			t.Errorf("it gets %.2f of its share", p)
		}
		if share := float64(w.failed) / float64(w.total()); share > 0.003 {
			t.Errorf("%.2f %% of calls fail, without ejection 5 %%", 100*share)
		}
		w.servers[0] = well
		w.run(90*time.Second, 500)
		w.reset()
		w.run(20*time.Second, 500)
		if p := w.part(0); p < 0.8 {
			t.Errorf("after recovery it gets %.2f of its share", p)
		}
	})
}

// When all fail, traffic spreads over all; when they recover, all are in use again soon.
func TestSimulatedAllFail(t *testing.T) {
	for _, share := range []float64{1, 0.9, 0.6} {
		t.Run(fmt.Sprint(share, " of calls"), func(t *testing.T) {
			seeds(t, func(t *testing.T, seed uint64) {
				w := newWorld(t, 10, seed, eject.Config{})
				w.run(10*time.Second, 500)
				for i := range w.servers {
					w.servers[i] = failing(share, time.Millisecond)
				}
				w.run(20*time.Second, 500)
				w.reset()
				w.run(time.Minute, 500)
				for i := range w.servers {
					if p := w.part(i); p < 0.8 {
						t.Errorf("while all fail, server %d gets %.2f of its share", i, p)
					}
				}
				for i := range w.servers {
					w.servers[i] = well
				}
				w.run(15*time.Second, 500)
				w.reset()
				w.run(10*time.Second, 500)
				for i := range w.servers {
					if p := w.part(i); p < 0.8 {
						t.Errorf("after recovery, server %d gets %.2f of its share", i, p)
					}
				}
			})
		})
	}
}

// A server that hangs: every call there ends at its deadline.
func TestSimulatedHung(t *testing.T) {
	hung := func(time.Duration, *rand.Rand) (time.Duration, bool) { return 2 * time.Second, true }
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 10, seed, eject.Config{})
		w.run(10*time.Second, 200)
		w.servers[0] = hung
		w.run(2500*time.Millisecond, 200)
		w.reset()
		w.run(2*time.Minute, 200)
		if w.sent[0] > 25 {
			t.Errorf("it gets %d calls in two minutes", w.sent[0])
		}
		w.servers[0] = well
		w.run(75*time.Second, 200)
		w.reset()
		w.run(20*time.Second, 200)
		if p := w.part(0); p < 0.7 {
			t.Errorf("after recovery it gets %.2f of its share", p)
		}
	})
}

// A server that is 20 times slower, but does not fail.
func TestSimulatedSlow(t *testing.T) {
	slow := func(at time.Duration, rng *rand.Rand) (time.Duration, bool) {
		took, failed := well(at, rng)
		return 20 * took, failed
	}
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 10, seed, eject.Config{})
		w.run(10*time.Second, 500)
		w.servers[0] = slow
		w.run(20*time.Second, 500)
		w.reset()
		w.run(3*time.Minute, 500)
		if p := w.part(0); p > 0.2 {
			t.Errorf("it gets %.2f of its share", p)
		}
		w.servers[0] = well
		w.run(90*time.Second, 500)
		w.reset()
		w.run(20*time.Second, 500)
		if p := w.part(0); p < 0.8 {
			t.Errorf("after recovery it gets %.2f of its share", p)
		}
	})
}

// Without traffic nothing happens; with the first calls after a pause, an
// ejected server returns.
func TestSimulatedPause(t *testing.T) {
	seeds(t, func(t *testing.T, seed uint64) {
		w := newWorld(t, 10, seed, eject.Config{})
		w.run(5*time.Second, 500)
		w.servers[0] = failing(1, time.Millisecond)
		w.run(2*time.Second, 500)
		if n := w.out(); n != 1 {
			t.Fatalf("%d are ejected, want 1", n)
		}
		w.servers[0] = well
		w.t += time.Hour
		w.now += int64(time.Hour)
		w.run(time.Second, 10)
		if v := w.states[0].Admit(w.now); v != eject.Open {
			t.Errorf("after ten calls it is %v, want open", v)
		}
	})
}

// Thousand clients that eject a server at the same moment do not come back at the same.
func TestSimulatedManyClients(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const clients, slots = 1000, 10
	var histogram [slots]int
	for range clients {
		f := newFleet(10, eject.Config{})
		f.states[0].Arrived(0, rng.Uint64())
		f.calls(0, 5, 5, quick)
		_, until, _ := f.states[0].Explain(f.now)
		early := float64(f.now+5*second-until) / float64(5*second/4)
		histogram[min(int(early*slots), slots-1)]++
	}
	for i, n := range histogram {
		if n < clients/slots/2 || n > clients/slots*2 {
			t.Errorf("%d of %d clients come back in slot %d of %d", n, clients, i, slots)
		}
	}
}
