package sim

import (
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/examples/lab/internal/sim/policies"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/servers"
)

// server is a server with what the network and its clients do to it.
type server struct {
	queue servers.Queue
	meter policies.Meter // nil if it says nothing
	state state
	speed float64 // without an antagonist
	rif   int

	// assigned are requests in flight here and on their way; coming those on their way.
	assigned   int
	coming     int
	comingWork float64

	lie      float64 // how many times less than true reports are; 0: they are true
	fails    bool
	failTook time.Duration // 0: as long as the work
	drains   bool
}

type state uint8

const (
	up state = iota
	leaving
	down
)

// report sets what the server says, and reports whether it says anything.
func (s *server) report(now int64, l *policies.Load) bool {
	if s.meter == nil {
		return false
	}
	s.meter.Load(now, s.rif, l)
	if s.lie > 0 {
		l.RIF = int(float64(l.RIF) / s.lie)
		l.Latency /= s.lie
		l.Util /= s.lie
		l.Freshet.InFlight = int(float64(l.Freshet.InFlight) / s.lie)
		l.Freshet.Latency = max(time.Duration(float64(l.Freshet.Latency)/s.lie), 1)
	}
	return true
}

// atServer is the arrival of a request.
func (w *world) atServer(id int32) {
	now := w.engine.Now()
	c := &w.calls[id]
	s := &w.servers[c.server]
	s.coming--
	s.comingWork -= c.work
	if s.coming == 0 {
		s.comingWork = 0 // rounding would add up
	}
	switch s.state {
	case down:
		s.assigned--
		w.reply(id, codes.Unavailable, false)
		return
	case leaving:
		// It was on its way as the server said good-bye: gRPC sends it elsewhere by itself.
		s.assigned--
		w.reply(id, codes.Unavailable, false)
		return
	}
	if c.measured {
		w.tally.found(s.rif)
	}
	c.where, c.arrived, c.with = serving, now, s.rif
	c.fails = s.fails
	s.rif++
	if s.meter != nil {
		s.meter.Arrive(now, s.rif)
	}
	work := c.work
	if c.fails && s.failTook > 0 {
		work = float64(s.failTook) * s.queue.Speed()
	}
	s.queue.Add(now, id, work, c.expires)
	w.settle(c.server)
}

// completed is the end of a request's work.
func (w *world) completed(server int32) {
	now := w.engine.Now()
	s := &w.servers[server]
	id := s.queue.Pop(now)
	code := codes.OK
	if w.calls[id].fails {
		code = codes.Unavailable
	}
	w.departed(id, code)
	for id := s.queue.Dropped(); id >= 0; id = s.queue.Dropped() {
		w.departed(id, codes.DeadlineExceeded)
	}
	w.settle(server)
}

// departed is the end of a request at its server.
func (w *world) departed(id int32, code codes.Code) {
	now := w.engine.Now()
	c := &w.calls[id]
	s := &w.servers[c.server]
	s.rif--
	s.assigned--
	if s.meter != nil {
		s.meter.Depart(now, policies.Served{
			Arrived: c.arrived, With: c.with, Took: int64(c.work / s.queue.Speed()), OK: code == codes.OK,
		}, s.rif)
	}
	w.reply(id, code, true)
}

// reply sends a reply, if somebody waits for it.
func (w *world) reply(id int32, code codes.Code, load bool) {
	c := &w.calls[id]
	if c.over {
		w.free = append(w.free, id)
		return
	}
	c.where, c.code = inbound, code
	c.loaded = load && w.servers[c.server].report(w.engine.Now(), &c.load)
	w.engine.Send(toClient, id)
}

// settle follows up on a change of what a server works on.
func (w *world) settle(server int32) {
	s := &w.servers[server]
	if s.meter != nil {
		s.meter.Occupy(w.engine.Now(), s.queue.Busy())
	}
	w.engine.Set(server, s.queue.Next())
}

// view shows the servers to policies that see through walls.
type view struct{ *world }

func (v view) Servers() int { return len(v.servers) }

func (v view) Up(server int) bool {
	s := &v.servers[server]
	return s.state == up && !s.drains
}

func (v view) RIF(server int) int { return v.servers[server].assigned }

func (v view) Expected(server int, work float64) float64 {
	s := &v.servers[server]
	return s.queue.Expected(v.engine.Now(), work, s.coming, s.comingWork)
}

func (v view) Speed(server int) float64 { return v.servers[server].queue.Speed() }

func (v view) Workers(int) int { return v.s.Workers }
