// Package engine tells in which order things happen in a simulation.
//
//	e := engine.New(things, delays...)
//	e.Set(3, at)      // thing 3 is due at that moment, instead of any former one
//	e.Send(0, id)     // id is due after the delay of lane 0
//	for ev, ok := e.Next(); ok; ev, ok = e.Next() {
//		...
//	}
//
// Time is a number of nanoseconds; it only grows. Events come from two sources, each the
// cheapest for what it holds. A thing, such as a server, is due at one moment, which may
// be changed: an agenda with a place for each. What follows at a fixed delay, such as a
// request on its way through the network or a deadline, waits in a lane, first in,
// first out. Both allocate nothing once they have grown.
//
// The order is total, so that a run is the same each time: by moment; at the same moment
// lanes before things, lanes in the order of sending, things in that of their numbers.
package engine

import "math"

// Never is the moment of a thing that is not due.
const Never = math.MaxInt64

// Engine is what is going to happen. It is not safe for concurrent use.
type Engine struct {
	now    int64
	seq    uint64
	lanes  []lane
	agenda agenda
}

// Event is what happens next: in lane Lane, to ID; or to thing ID, if Lane is Thing.
type Event struct {
	Lane int
	ID   int32
}

// Thing is the Lane of an event of the agenda.
const Thing = -1

// New returns an Engine at time 0 for a number of things, none of them due, and lanes with
// the given delays in ns.
func New(things int, delays ...int64) *Engine {
	e := &Engine{agenda: newAgenda(things)}
	for _, d := range delays {
		e.lanes = append(e.lanes, newLane(d))
	}
	return e
}

// Now is the moment of the last event.
func (e *Engine) Now() int64 { return e.now }

// Set makes a thing due at a moment, which must not be past, or Never. It replaces the
// moment that was set before.
func (e *Engine) Set(thing int32, at int64) { e.agenda.set(thing, at) }

// Send makes id due after the delay of a lane.
func (e *Engine) Send(lane int, id int32) {
	e.seq++
	l := &e.lanes[lane]
	l.push(entry{at: e.now + l.delay, seq: e.seq, id: id})
}

// Next moves time to the next event and returns it. A thing that is due stays so until it
// is set anew. It reports false if nothing is due any more.
func (e *Engine) Next() (Event, bool) {
	best, at, seq := Thing, int64(Never), uint64(0)
	for i := range e.lanes {
		l := &e.lanes[i]
		if l.count == 0 {
			continue
		}
		if head := &l.ring[l.head]; best == Thing || head.at < at || head.at == at && head.seq < seq {
			best, at, seq = i, head.at, head.seq
		}
	}
	if len(e.agenda.heap) > 0 {
		if thing := e.agenda.heap[0]; e.agenda.at[thing] < at {
			e.now = e.agenda.at[thing]
			return Event{Lane: Thing, ID: thing}, true
		}
	}
	if best == Thing {
		return Event{}, false
	}
	e.now = at
	return Event{Lane: best, ID: e.lanes[best].pop().id}, true
}
