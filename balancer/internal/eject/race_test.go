package eject_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

// grpc-go's ConcurrentOperations: calls, picks, sweeps of two groups and explanations at once.
// At no moment are more ejected than may be.
func TestConcurrentOperations(t *testing.T) {
	const hosts, workers, rounds = 20, 4, 20000
	c := eject.Config{PanicPercent: eject.Off, FailurePercent: eject.Off}.WithDefaults()
	var g eject.Group
	var now atomic.Int64
	states := make([]*eject.State, hosts)
	for i := range states {
		states[i] = new(eject.State)
	}
	g.Sweep(0, states, &c)
	var ejections atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for range rounds {
				at := now.Add(millisecond / 2)
				i := rng.IntN(hosts)
				if k := g.Trial(at, states); k >= 0 {
					i = k
				}
				s := states[i]
				switch rng.IntN(100) {
				case 0:
					s.Arrived(at, rng.Uint64())
				case 1:
					s.Release()
				case 2:
					s.Explain(at)
				}
				s.Share(at, &c)
				if s.Allowed(at) && s.Admit(at) != eject.Closed && s.Count(at, i < hosts/2, quick, &c) {
					ejections.Add(1)
				}
				if g.Due(at) {
					g.Sweep(at, states, &c)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		out := 0
		for _, s := range states {
			if !s.Allowed(-1) {
				out++
			}
		}
		// One may return while another is ejected behind the back of this loop.
		if out > hosts*30/100+1 {
			t.Errorf("%d are ejected, at most %d may", out, hosts*30/100)
			break
		}
	}
	<-done
	if ejections.Load() == 0 {
		t.Error("nobody was ejected")
	}
}

// Of many who fail at once, exactly as many are ejected as may be.
func TestConcurrentEjection(t *testing.T) {
	for range 200 {
		f := newFleet(10, eject.Config{PanicPercent: eject.Off})
		f.everybody(200, 0, quick)
		f.sweep()
		var wg sync.WaitGroup
		for i := range f.states {
			wg.Go(func() { f.calls(i, 20, 20, quick) })
		}
		wg.Go(func() { f.Group.Sweep(f.now, f.states, &f.c) })
		wg.Wait()
		f.sweep()
		if n := f.out(); n != 3 {
			t.Fatalf("%d are ejected, want 3", n)
		}
	}
}

// atOnce runs f twice at the same moment, many times, each after its own setup, and
// counts how often it was true; the runs must overlap to be worth anything, so both spin
// at the start.
func atOnce(rounds int, setup func(), f func() bool, check func(hits int)) {
	for range rounds {
		setup()
		var ready, hits atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				ready.Add(1)
				for ready.Load() < 2 {
					runtime.Gosched()
				}
				if f() {
					hits.Add(1)
				}
			})
		}
		wg.Wait()
		check(int(hits.Load()))
	}
}

// Of two who ask at once, one gets the single call.
func TestConcurrentProbation(t *testing.T) {
	f := ejected(t, eject.Config{})
	f.untilProbation(t, 0)
	atOnce(20000, f.states[0].Release,
		func() bool { return f.states[0].Admit(f.now) == eject.Single },
		func(hits int) {
			if hits != 1 {
				t.Fatalf("%d calls are let through at once, want 1", hits)
			}
		})
}

// Of two that fail on probation at once, one ejects.
func TestConcurrentFailuresOnProbation(t *testing.T) {
	f := ejected(t, eject.Config{BaseEjectionTime: 100 * time.Millisecond, MaxEjectionTime: 100 * time.Millisecond})
	_, _, first := f.states[0].Explain(f.now)
	rounds := uint32(0)
	atOnce(20000, func() { f.now += second / 2 },
		func() bool { return f.states[0].Count(f.now, true, 0, &f.c) },
		func(hits int) {
			rounds++
			_, _, n := f.states[0].Explain(f.now)
			if hits != 1 || n.Ejections != first.Ejections+rounds {
				t.Fatalf("%d failures eject at once, want 1: %+v", hits, n)
			}
		})
}
