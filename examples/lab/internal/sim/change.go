package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/examples/lab/internal/sim/engine"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/policies"
)

// An antagonist makes its server slower by this factor, for this part of this period.
const (
	antagonism     = 10
	antagonistTime = 300 * time.Millisecond
	antagonistWait = 3 * time.Second
)

// change is one of a scenario, or one of speed.
type change struct {
	Change

	speed float64 // unless 0, the factor on the server's own
	lost  bool    // clients notice that their connection broke
}

// write makes the script: the scenario's changes, and antagonists, each of which
// begins at a random moment of its period.
func (w *world) write(rng *rand.Rand) {
	for _, c := range w.s.Changes {
		w.script = append(w.script, change{Change: c})
		if c.Kind == Kill {
			c.At += w.s.Delay
			w.script = append(w.script, change{Change: c, lost: true})
		}
	}
	n := w.s.Antagonists
	for k := range n {
		server := (2*k + 1) * w.s.Servers / (2 * n)
		at := time.Duration(rng.Int64N(int64(antagonistWait)))
		for ; int64(at) < w.to+int64(w.s.Deadline); at += antagonistWait {
			w.script = append(w.script,
				change{Change: Change{At: at, Server: server}, speed: 1.0 / antagonism},
				change{Change: Change{At: at + antagonistTime, Server: server}, speed: 1})
		}
	}
	slices.SortStableFunc(w.script, func(a, b change) int { return cmp.Compare(a.At, b.At) })
}

func (w *world) nextChange() {
	if w.played < len(w.script) {
		w.engine.Set(w.changes(), int64(w.script[w.played].At))
	} else {
		w.engine.Set(w.changes(), engine.Never)
	}
}

func (w *world) play() {
	c := w.script[w.played]
	w.played++
	w.nextChange()
	now := w.engine.Now()
	s := &w.servers[c.Server]
	switch {
	case c.speed > 0:
		s.queue.SetSpeed(now, s.speed*c.speed)
		w.settle(int32(c.Server))
	case c.lost:
		w.tell(c.Server, false, false)
	default:
		w.happen(now, s, c.Change)
	}
}

func (w *world) happen(now int64, s *server, c Change) {
	switch c.Kind {
	case Lie:
		s.lie = c.By
	case Fail:
		s.fails, s.failTook = true, c.Took
	case Heal:
		s.lie, s.fails = 0, false
	case Drain:
		s.drains = true
		if d, ok := s.meter.(policies.Drainer); ok {
			d.Drain()
		}
	case Leave:
		s.state = leaving
		w.tell(c.Server, false, false)
	case Kill:
		s.state = down
		for _, id := range s.queue.Remove(now) {
			w.lost(id)
		}
		w.settle(int32(c.Server))
	case Return, Arrive:
		s.state, s.drains = up, false
		if w.newMeter != nil {
			s.meter = w.newMeter(c.Server)
		}
		w.tell(c.Server, true, c.Kind == Arrive)
	}
}

// lost is the end of a request whose server was killed.
func (w *world) lost(id int32) {
	s := &w.servers[w.calls[id].server]
	s.rif--
	s.assigned--
	w.reply(id, codes.Unavailable, false)
}

// tell tells all clients whether a server can be reached.
func (w *world) tell(server int, ready, fresh bool) {
	for i := range w.clients {
		cl := &w.clients[i]
		cl.SetReady(w.engine.Now(), server, ready, fresh)
		if ready {
			w.wake(cl)
		}
	}
}
