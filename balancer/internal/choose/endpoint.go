package choose

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// Endpoint is what a client has learnt about one endpoint. The zero value knows
// nothing. All methods may be called concurrently and take no lock.
type Endpoint struct {
	// Written by every pick and end of a call.
	calls   atomic.Uint64 // picks ever, and in the low bits those in flight
	streams atomic.Int64  // of those in flight
	picked  atomic.Uint64 // the tick of the last pick, and what calls counted before its span

	// Written by reports, read by the picks that compare.
	_        [5]uint64
	load     atomic.Uint64 // requests in flight at the server that are not this client's; their average
	speed    atomic.Uint64 // latency that the server reports, ns, 0 if not known; stamp of the last report
	floor    ewma.Cell     // lower envelope of the latencies that the client sees, ns
	peak     ewma.Cell     // peak-EWMA of them
	odd      atomic.Uint32 // what is out of the ordinary, see below
	position atomic.Int32  // in the newest Set that has it
	failed   ewma.Cell     // share of failures
	denied   ewma.Cell     // share of refusals

	// Rarely written.
	rest  atomic.Int64  // until when the server asked to be left alone
	share atomic.Uint32 // a float32: of the fair rate that it should get at most; 0: no limit
	mute  atomic.Bool   // the last call that ended well brought no report
	home  atomic.Pointer[Pool]
}

// What may be out of the ordinary. A bit may be set without reason, but not missing.
const (
	barred   = 1 << iota // is not to be chosen
	resting              // asked to be left alone
	rationed             // has a share
	failing              // has failed calls
	refusing             // has refused calls
	voided               // a call has failed since the last report
)

const (
	// failureBlend is the weight of one call in the share of failures, where
	// calls are dense. Where they are sparse, calls count by the time that they
	// stand for, with a time constant of a quarter of the decay.
	failureBlend = 1.0 / 16
	sparse       = 1.0 / 4
	// failurePrice is how many times its cost an endpoint seems to cost in
	// addition if all its calls fail.
	failurePrice = 20
	// wellBelow is a share of failures that is not worth a look at its age.
	wellBelow = 1.0 / 1024
)

// Picks and calls in flight share a word, so that a pick is counted by one addition.
const (
	flightBits = 24
	onePick    = 1<<flightBits | oneFlight
	oneFlight  = 1
)

func flying(calls uint64) int64 { return int64(calls & (1<<flightBits - 1)) }

// InFlight is how many calls of this client the endpoint is working on: fewer than 2^24.
func (e *Endpoint) InFlight() int64 { return flying(e.calls.Load()) }

// Begun is how many calls were sent here, less what was retracted.
func (e *Endpoint) Begun() int64 { return int64(e.calls.Load() >> flightBits) }

// Begin counts a call that was sent here, at now (ns).
func (e *Endpoint) Begin(now int64) { e.begun(now, e.calls.Add(onePick)) }

// BeginUnder is Begin, unless limit calls of this client are in flight already.
func (e *Endpoint) BeginUnder(now, limit int64) bool {
	calls := e.calls.Add(onePick)
	if flying(calls) > limit {
		e.Retract()
		return false
	}
	e.begun(now, calls)
	return true
}

// Opened tells that the call of the last Begin is a stream, and Closed that it
// has ended: it may stay for days, and says nothing while it does.
func (e *Endpoint) Opened() { e.streams.Add(1) }

// Closed is the opposite of Opened.
func (e *Endpoint) Closed() { e.streams.Add(-1) }

// Retract takes back a Begin whose call was not sent.
func (e *Endpoint) Retract() { e.calls.Add(^uint64(onePick - 1)) }

// Bar keeps the endpoint from being chosen, or ends that. A Set whose members are
// all barred chooses one nevertheless.
func (e *Endpoint) Bar(out bool) { e.mark(barred, out) }

// mark sets or clears a bit of odd.
func (e *Endpoint) mark(bit uint32, set bool) {
	switch has := e.odd.Load()&bit != 0; {
	case set && !has:
		e.odd.Or(bit)
	case !set && has:
		e.odd.And(^bit)
	}
}

// Ration limits the rate of calls to a share, in (0, 1], of what would be fair. At 1
// there is no limit but the one that holds for all. Affine calls are not held to it.
func (e *Endpoint) Ration(share float64) {
	bits := uint32(0)
	if share < 1 {
		bits = math.Float32bits(float32(max(share, 1e-3)))
	}
	if e.share.Load() != bits {
		e.share.Store(bits)
	}
	e.mark(rationed, bits != 0)
}

// maxRest is how long an endpoint may ask to be left alone.
const maxRest = 10 * time.Second

// Rest keeps the endpoint from being chosen for d, 10 s at most, as a server asks
// for that pushes back (gRFC A6). It does nothing where every other one is worse off.
func (e *Endpoint) Rest(now int64, d time.Duration) {
	if until := now + int64(min(d, maxRest)); d > 0 && until > e.rest.Load() {
		e.rest.Store(until)
		e.mark(resting, true)
	}
}

// open reports whether the endpoint may be chosen, as far as it is for itself to say.
func (e *Endpoint) open(now int64) bool {
	odd := e.odd.Load()
	return odd&(barred|resting) == 0 || odd&barred == 0 && !e.rests(now)
}

func (e *Endpoint) rests(now int64) bool {
	if e.rest.Load() > now {
		return true
	}
	e.mark(resting, false)
	if e.rest.Load() > now { // set meanwhile
		e.mark(resting, true)
	}
	return false
}

// known reports whether the server has ever reported.
func (e *Endpoint) known() bool { return uint32(e.speed.Load()) != 0 }

// fresh reports whether there is a report that is no older than the expiry.
func (e *Endpoint) fresh(now int64, expiry time.Duration) bool {
	stamp := uint32(e.speed.Load())
	return stamp != 0 && e.odd.Load()&voided == 0 && age(now, stamp) <= float64(expiry)
}

// latency is the decayed peak-EWMA. It does not decay while the answer to a recent
// pick is awaited: an endpoint that comes back after hours must not seem to take
// no time, however many calls are on their way there. One without history
// has none for its first call; while that is on its way, or
// as long as its failure is remembered, it is prohibitive.
func (e *Endpoint) latency(at ewma.Tick, tau float64) float64 {
	busy := e.InFlight() > 0
	if peak, known := e.peak.Load(); known {
		if busy && float64(at-e.lastPicked()) < tau {
			return peak
		}
		peak, _ = e.peak.Decayed(at, tau)
		return peak
	}
	if f, failed := e.failed.Decayed(at, tau); busy || failed && f >= wellBelow {
		return noHistory
	}
	return 0
}

// streamsOnly reports whether nothing but streams is in flight, and nothing has failed. Streams
// bring no latency and no report while they are open, which may be for days: an
// endpoint without history must not wait for that.
func (e *Endpoint) streamsOnly() bool {
	own := e.InFlight()
	return own > 0 && own <= e.streams.Load() && e.odd.Load()&failing == 0
}

// refusals is the recent share of calls that were refused.
func (e *Endpoint) refusals(at ewma.Tick, tau float64) float64 {
	return e.recent(refusing, &e.denied, at, tau)
}

// recent is a share of calls, decayed. What is not worth looking at is 0, and its
// bit is cleared, unless a call has just changed that.
func (e *Endpoint) recent(bit uint32, share *ewma.Cell, at ewma.Tick, tau float64) float64 {
	if e.odd.Load()&bit == 0 {
		return 0
	}
	v, _ := share.Decayed(at, tau)
	if v >= wellBelow {
		return v
	}
	e.mark(bit, false)
	if again, _ := share.Decayed(at, tau); again >= wellBelow {
		e.mark(bit, true)
	}
	return 0
}

// noHistory is Finagle's penalty, in ns: longer than any deadline in use.
const noHistory = float64(time.Hour)

// price is the factor by which failures make the endpoint dearer.
func (e *Endpoint) price(at ewma.Tick, tau float64) float64 {
	return 1 + failurePrice*e.recent(failing, &e.failed, at, tau)
}

// stampShift makes a stamp count 2^17 ns, 0.13 ms. It wraps after 6 days, so that a
// report of then looks fresh for as long as a fresh one is.
const stampShift = 17

// stamp is a moment in a word's half; 0 never occurs.
func stamp(now int64) uint32 { return uint32(now>>stampShift) | 1 }

// age is the time since a stamp, in ns.
func age(now int64, stamp uint32) float64 {
	d := int32(uint32(now>>stampShift) - stamp)
	return float64(max(d, 0)) * (1 << stampShift)
}

// pack and unpack keep two floats in a word.
func pack(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func unpack(w uint64) (a, b float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}
