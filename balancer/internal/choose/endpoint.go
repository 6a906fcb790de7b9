package choose

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// Outcome is what the end of a call says about the server.
type Outcome uint8

const (
	// Unknown says nothing: the call was cancelled by its caller.
	Unknown Outcome = iota
	// Success is a reply.
	Success
	// Refused is an error that the request deserved. The server is well, but
	// refusing is faster than working, so the latency is only a lower bound.
	Refused
	// Failure is an error of the server or of the way there.
	Failure
)

// End is what is known of a call when it ends.
type End struct {
	Outcome Outcome
	// Took is how long the call took; 0 says that this is no latency, as for a
	// stream.
	Took time.Duration
	// Reported says that the reply carried a report; InFlight and Latency are
	// its fields, a Latency of 0 is not known.
	Reported bool
	InFlight uint32
	Latency  time.Duration
}

const (
	// floorRise is how far one sample lifts the lower envelope of latencies.
	floorRise = 1.0 / 8
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

// Endpoint is what a client has learnt about one endpoint. The zero value knows
// nothing. All methods may be called concurrently and take no lock.
type Endpoint struct {
	inFlight   atomic.Int64
	streams    atomic.Int64 // of those in flight
	lastPicked atomic.Int64 // ns; 0 is never

	// The freshest report: the latency as a float32 in the upper half, and in the
	// lower half the requests in flight at the server that are not this client's.
	load       atomic.Uint64
	reportedAt atomic.Int64 // ns; 0 is never, or no longer believed

	peak   ewma.Cell // peak-EWMA of latencies, ns
	floor  ewma.Cell // lower envelope of latencies, ns
	failed ewma.Cell // share of failures
	denied ewma.Cell // share of refusals

	position atomic.Int32 // in the newest Set that has it
	pooled   atomic.Bool  // has a slot in the pool
}

// InFlight is how many calls of this client the endpoint is working on.
func (e *Endpoint) InFlight() int64 { return e.inFlight.Load() }

// Begin counts a call that was sent here, at now (ns).
func (e *Endpoint) Begin(now int64) {
	e.inFlight.Add(1)
	e.lastPicked.Store(now)
}

// Opened tells that the call of the last Begin is a stream, and Closed that it
// has ended: it may stay for days, and says nothing while it does.
func (e *Endpoint) Opened() { e.streams.Add(1) }

// Closed is the opposite of Opened.
func (e *Endpoint) Closed() { e.streams.Add(-1) }

// Retract takes back a Begin whose call was not sent.
func (e *Endpoint) Retract() { e.inFlight.Add(-1) }

// Finish counts the end of a call that was sent here. It reports whether the
// endpoint has a new report.
func (e *Endpoint) Finish(now int64, end End, p *Params) bool {
	own := e.inFlight.Add(-1)
	at, tau := ewma.At(now), ewma.Ticks(p.Decay)
	took := float64(end.Took)
	switch end.Outcome {
	case Success:
		if took > 0 {
			e.peak.Peak(at, took, tau)
			e.floor.Trough(at, took, floorRise)
		}
		count(&e.failed, at, 0, tau)
		count(&e.denied, at, 0, tau)
	case Refused:
		if took > 0 {
			e.peak.AtLeast(at, took, tau)
		}
		count(&e.failed, at, 0, tau)
		count(&e.denied, at, 1, tau)
	case Failure:
		e.bound(at, took, tau)
		count(&e.failed, at, 1, tau)
		e.reportedAt.Store(0)
		return false
	case Unknown:
		e.bound(at, took, tau)
	}
	if end.Reported {
		e.report(now, own, end)
	}
	return end.Reported
}

// bound takes account of a latency that is only a lower bound, and that says
// nothing where there is no latency yet.
func (e *Endpoint) bound(at ewma.Tick, took, tau float64) {
	if _, known := e.peak.Load(); known && took > 0 {
		e.peak.AtLeast(at, took, tau)
	}
}

// count moves a share by a call that belongs to it (1) or does not (0).
func count(share *ewma.Cell, at ewma.Tick, x, tau float64) {
	if _, known := share.Load(); !known {
		if x == 0 {
			return
		}
		share.Seed(at, 0)
	}
	share.Blend(at, x, failureBlend, tau*sparse)
}

// report files a report. Of the requests that the server has in flight, own are
// this client's, and are counted anew at every pick; the rest is others' load.
func (e *Endpoint) report(now, own int64, end End) {
	others := max(int64(end.InFlight)-own, 0)
	e.load.Store(uint64(math.Float32bits(float32(end.Latency)))<<32 | uint64(uint32(others)))
	e.reportedAt.Store(max(now, 1))
}

// fresh reports whether there is a report that is no older than the expiry.
func (e *Endpoint) fresh(now int64, expiry time.Duration) bool {
	at := e.reportedAt.Load()
	return at != 0 && now-at <= int64(expiry)
}

// reported returns the freshest report.
func (e *Endpoint) reported() (latency, others float64) {
	w := e.load.Load()
	return float64(math.Float32frombits(uint32(w >> 32))), float64(uint32(w))
}

// latency is the decayed peak-EWMA. It does not decay while the answer to a recent
// pick is awaited: an endpoint that comes back after hours must not seem to take
// no time, however many calls are on their way there. One without history
// has none for its first call; while that is on its way, or
// as long as its failure is remembered, it is prohibitive.
func (e *Endpoint) latency(at ewma.Tick, tau float64) float64 {
	busy := e.inFlight.Load() > 0
	if peak, known := e.peak.Load(); known {
		if busy && float64(at-ewma.At(e.lastPicked.Load())) < tau {
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

// refusals is the recent share of calls that were refused.
func (e *Endpoint) refusals(at ewma.Tick, tau float64) float64 {
	if f, known := e.denied.Load(); !known || f < wellBelow {
		return 0
	}
	f, _ := e.denied.Decayed(at, tau)
	return f
}

// noHistory is Finagle's penalty, in ns: longer than any deadline in use.
const noHistory = float64(time.Hour)

// price is the factor by which failures make the endpoint dearer.
func (e *Endpoint) price(at ewma.Tick, tau float64) float64 {
	f, known := e.failed.Load()
	if !known || f < wellBelow {
		return 1
	}
	f, _ = e.failed.Decayed(at, tau)
	return 1 + failurePrice*f
}
