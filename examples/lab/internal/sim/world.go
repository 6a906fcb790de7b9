package sim

import (
	"math"
	"math/rand/v2"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/examples/lab/internal/sim/engine"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/policies"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/servers"
)

// Lanes of the engine.
const (
	toServer = iota
	toClient
	deadline
	probeToServer
	probeToClient
)

// world is a run.
type world struct {
	s        *Scenario
	engine   *engine.Engine
	arrive   *rand.Rand // of when calls are made, by whom, and their work
	gap      float64    // mean time between two, ns
	from     int64      // of the window
	to       int64
	servers  []server
	clients  []client
	calls    []call
	free     []int32
	probes   []probe
	unused   []int32
	script   []change
	played   int
	newMeter func(int) policies.Meter
	asked    []int
	failed   []int

	tally tally
}

type client struct {
	policies.Client

	waiting []int32 // calls, until another one ends
}

// call is one that a client has made and a server may be working on. Its place is free
// again when neither side knows of it any more.
type call struct {
	client   int32
	server   int32
	where    where
	measured bool
	over     bool // for the client
	fails    bool
	attempts int
	tried    [maxAttempts]int32
	made     int64 // when
	expires  int64
	started  int64 // the attempt, when
	arrived  int64
	with     int
	work     float64
	code     codes.Code
	load     policies.Load
	loaded   bool
}

const maxAttempts = 4

type where uint8

const (
	waiting where = iota // for a pick
	outbound
	serving
	inbound
)

type probe struct {
	client, server int32
	load           policies.Load
	loaded         bool
}

// run plays until the last measured call has ended.
func (w *world) run(done <-chan struct{}) bool {
	end := w.to + int64(w.s.Deadline) + 1
	w.engine.Set(w.arrival(), int64(w.arrive.ExpFloat64()*w.gap))
	w.nextChange()
	for n := 0; ; n++ {
		if n&0xffff == 0 {
			select {
			case <-done:
				return false
			default:
			}
		}
		ev, ok := w.engine.Next()
		if !ok || w.engine.Now() > end {
			return true
		}
		switch ev.Lane {
		case toServer:
			w.atServer(ev.ID)
		case toClient:
			w.atClient(ev.ID)
		case deadline:
			w.expire(ev.ID)
		case probeToServer:
			w.probeAtServer(ev.ID)
		case probeToClient:
			w.probeAtClient(ev.ID)
		default:
			w.thing(ev.ID)
		}
	}
}

// Things of the engine: the servers, arrivals, and changes.
func (w *world) arrival() int32 { return int32(len(w.servers)) }
func (w *world) changes() int32 { return int32(len(w.servers)) + 1 }

func (w *world) thing(id int32) {
	now := w.engine.Now()
	switch {
	case id < w.arrival():
		w.completed(id)
	case id == w.arrival():
		w.engine.Set(id, now+1+int64(w.arrive.ExpFloat64()*w.gap))
		w.make(now)
	default:
		w.play()
	}
}

// make lets a client make a call.
func (w *world) make(now int64) {
	id := w.place()
	c := &w.calls[id]
	*c = call{
		client: w.arrive.Int32N(int32(len(w.clients))), work: w.work(),
		made: now, expires: now + int64(w.s.Deadline), measured: now >= w.from && now < w.to,
	}
	if c.measured {
		w.tally.made++
	}
	w.engine.Send(deadline, id)
	w.pick(id)
}

func (w *world) place() int32 {
	if n := len(w.free); n > 0 {
		id := w.free[n-1]
		w.free = w.free[:n-1]
		return id
	}
	w.calls = append(w.calls, call{})
	return int32(len(w.calls) - 1)
}

func (w *world) work() float64 {
	sigma := w.s.Sigma
	return float64(w.s.Mean) * math.Exp(sigma*w.arrive.NormFloat64()-sigma*sigma/2)
}

// pick sends a call, or lets it wait.
func (w *world) pick(id int32) {
	now := w.engine.Now()
	c := &w.calls[id]
	cl := &w.clients[c.client]
	w.failed = w.failed[:0]
	for _, server := range c.tried[:c.attempts] {
		w.failed = append(w.failed, int(server))
	}
	server := cl.Pick(now, id, c.work, w.failed)
	if server < 0 {
		c.where = waiting
		cl.waiting = append(cl.waiting, id)
		return
	}
	c.where, c.server, c.started = outbound, int32(server), now
	s := &w.servers[server]
	s.coming++
	s.comingWork += c.work
	s.assigned++
	if c.measured {
		w.tally.sent(server)
	}
	w.engine.Send(toServer, id)
	w.asked = cl.Probes(now, id, w.asked[:0])
	for _, server := range w.asked {
		w.sendProbe(c.client, int32(server), c.measured)
	}
}

// expire ends a call for its client at its deadline, if it is still the same.
func (w *world) expire(id int32) {
	now := w.engine.Now()
	c := &w.calls[id]
	if c.expires != now || c.over {
		return
	}
	w.end(id, codes.DeadlineExceeded, nil)
	// The place is free when the server, the network, or the queue of the client lets go.
}

// atClient is the end of an attempt.
func (w *world) atClient(id int32) {
	c := &w.calls[id]
	if c.over {
		w.free = append(w.free, id)
		return
	}
	var load *policies.Load
	if c.loaded {
		load = &c.load
	}
	if c.code == codes.Unavailable && c.attempts < w.s.Retries {
		cl := &w.clients[c.client]
		cl.Done(w.engine.Now(), id, int(c.server), policies.End{Code: c.code, Started: c.started, Load: load})
		c.tried[c.attempts] = c.server
		c.attempts++
		w.pick(id)
		w.wake(cl)
		return
	}
	w.end(id, c.code, load)
	w.free = append(w.free, id)
}

// end ends a call for its client.
func (w *world) end(id int32, code codes.Code, load *policies.Load) {
	now := w.engine.Now()
	c := &w.calls[id]
	c.over = true
	if c.measured {
		w.tally.ended(now-c.made, code)
	}
	if c.where == waiting {
		return
	}
	cl := &w.clients[c.client]
	cl.Done(now, id, int(c.server), policies.End{Code: code, Started: c.started, Load: load})
	w.wake(cl)
}

// wake lets the calls that wait try again.
func (w *world) wake(cl *client) {
	for range len(cl.waiting) {
		id := cl.waiting[0]
		cl.waiting = cl.waiting[1:]
		if w.calls[id].over {
			w.free = append(w.free, id)
			continue
		}
		before := len(cl.waiting)
		w.pick(id)
		if len(cl.waiting) > before {
			return // it waits again
		}
	}
}

func (w *world) sendProbe(client, server int32, measured bool) {
	if measured {
		w.tally.probes++
	}
	var id int32
	if n := len(w.unused); n > 0 {
		id, w.unused = w.unused[n-1], w.unused[:n-1]
	} else {
		id = int32(len(w.probes))
		w.probes = append(w.probes, probe{})
	}
	w.probes[id] = probe{client: client, server: server}
	w.engine.Send(probeToServer, id)
}

func (w *world) probeAtServer(id int32) {
	p := &w.probes[id]
	if s := &w.servers[p.server]; s.state != down {
		p.loaded = s.report(w.engine.Now(), &p.load)
	}
	w.engine.Send(probeToClient, id)
}

func (w *world) probeAtClient(id int32) {
	p := &w.probes[id]
	if p.loaded {
		w.clients[p.client].Probed(w.engine.Now(), int(p.server), &p.load)
	}
	w.unused = append(w.unused, id)
}

// newQueue is a server's way to work.
func (s *Scenario) newQueue(speed float64) servers.Queue {
	if s.Sharing {
		return servers.NewSharing(s.Workers, speed)
	}
	return servers.NewFIFO(s.Workers, speed)
}
