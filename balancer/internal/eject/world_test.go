package eject_test

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

// behaviour is what a server does with a call that begins at t.
type behaviour func(t time.Duration, rng *rand.Rand) (took time.Duration, failed bool)

func well(_ time.Duration, rng *rand.Rand) (time.Duration, bool) {
	return time.Duration((0.5 + rng.ExpFloat64()) * float64(10*time.Millisecond)), false
}

type ending struct {
	at, began time.Duration
	server    int
	failed    bool
}

type endings []ending

func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].at < e[j].at }
func (e endings) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *endings) Push(x any)        { *e = append(*e, x.(ending)) }
func (e *endings) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// world sends calls at random times to random servers that are admitted, in virtual time.
type world struct {
	*fleet
	rng     *rand.Rand
	servers []behaviour
	pending endings
	t       time.Duration

	sent   []int // per server since the last reset
	failed int   // calls since the last reset
}

func newWorld(t *testing.T, n int, seed uint64, c eject.Config) *world {
	t.Logf("seed %d", seed)
	w := &world{fleet: newFleet(n, c), rng: rand.New(rand.NewPCG(seed, seed)), sent: make([]int, n)}
	for range n {
		w.servers = append(w.servers, well)
	}
	return w
}

func (w *world) reset() { clear(w.sent); w.failed = 0 }

func (w *world) total() int {
	total := 0
	for _, n := range w.sent {
		total += n
	}
	return total
}

// share is the part of the calls that went to a server, of its fair part.
func (w *world) part(server int) float64 {
	return float64(w.sent[server]) * float64(len(w.sent)) / float64(w.total())
}

func (w *world) pick() int {
	if w.Due(w.now) {
		w.sweep()
	}
	if i := w.Trial(w.now, w.states); i >= 0 {
		return i
	}
	for {
		i := w.rng.IntN(len(w.states))
		s := w.states[i]
		if (w.Panic() || s.Allowed(w.now) && s.Admit(w.now) == eject.Open) && w.rng.Float64() < s.Share(w.now, &w.c) {
			return i
		}
	}
}

// run lets calls arrive at a rate per second.
func (w *world) run(d time.Duration, rate float64) {
	end := w.t + d
	for {
		next := w.t + time.Duration(w.rng.ExpFloat64()/rate*float64(time.Second))
		w.end(min(next, end))
		if next >= end {
			w.t, w.now = end, second+int64(end)
			return
		}
		w.t, w.now = next, second+int64(next)
		i := w.pick()
		took, failed := w.servers[i](w.t, w.rng)
		w.sent[i]++
		heap.Push(&w.pending, ending{at: w.t + took, began: w.t, server: i, failed: failed})
	}
}

// end counts the calls that have ended by t.
func (w *world) end(t time.Duration) {
	for len(w.pending) > 0 && w.pending[0].at <= t {
		e := heap.Pop(&w.pending).(ending)
		if e.failed {
			w.failed++
		}
		w.states[e.server].Count(second+int64(e.at), e.failed, float64(e.at-e.began), &w.c)
	}
}
