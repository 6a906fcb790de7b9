package choose

import (
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
	// Loaded says that the server, which does not count requests in flight for its
	// clients, reported as ORCA has it (gRFC A51): Utilization, and Cost, the share of the
	// server that a request per second takes (gRFC A58); 0 is not known. Ignored where
	// Reported is set.
	Loaded      bool
	Utilization float64
	Cost        float64
}

const (
	// floorRise is how far one sample lifts the lower envelope of latencies.
	floorRise = 1.0 / 8
	// averaged is the time constant, in ns, of the average of others' load.
	averaged = float64(5 * time.Second)
	// dense is the weight of a report in that average, where reports are dense.
	dense = 1.0 / 16
	// busiest is the utilization that a server has at most. Beyond, the number in
	// flight that goes with it would be anything.
	busiest = 0.95
	// scaleBlend is the weight of a call in what a Cost is in latency.
	scaleBlend = 1.0 / 64
)

// Finish counts the end of a call that was sent here. It reports whether the
// endpoint has a new report.
func (e *Endpoint) Finish(now int64, end End, p *Params) bool {
	own := flying(e.calls.Add(^uint64(oneFlight - 1)))
	at, tau := ewma.At(now), ewma.Ticks(p.Decay)
	took := float64(end.Took)
	switch end.Outcome {
	case Success:
		if took > 0 {
			e.peak.Peak(at, took, tau)
			e.floor.Trough(at, took, floorRise)
		}
		e.count(failing, &e.failed, at, 0, tau)
		e.count(refusing, &e.denied, at, 0, tau)
		e.hear(now, end.Reported || end.Loaded)
	case Refused:
		if took > 0 {
			e.peak.AtLeast(at, took, tau)
		}
		e.count(failing, &e.failed, at, 0, tau)
		e.count(refusing, &e.denied, at, 1, tau)
	case Failure:
		e.bound(at, took, tau)
		e.count(failing, &e.failed, at, 1, tau)
		e.mark(voided, e.known())
		return false
	case Unknown:
		e.bound(at, took, tau)
	}
	return e.file(now, own, end, p)
}

// forgotten is how old, in ns, a report may be whose server serves calls without any: the
// default of weight_expiration_period (gRFC A58). Where no calls end, nothing says that
// it would be out of date, and it stays.
const forgotten = float64(3 * time.Minute)

// hear notes whether a call that ended well brought a report.
func (e *Endpoint) hear(now int64, reported bool) {
	if e.mute.Load() == reported {
		e.mute.Store(!reported)
	}
	if reported {
		return
	}
	if w := e.speed.Load(); uint32(w) != 0 && age(now, uint32(w)) > forgotten {
		e.speed.CompareAndSwap(w, 0)
	}
}

// Skim counts the end of a call that ended well where the endpoint is Calm, and takes
// in nothing else: others, of the same time, are as good.
func (e *Endpoint) Skim() { e.calls.Add(^uint64(oneFlight - 1)) }

// Calm reports whether nothing is out of the ordinary.
func (e *Endpoint) Calm() bool { return e.odd.Load() == 0 }

// Measured reports whether the client has measured a latency.
func (e *Endpoint) Measured() bool { _, ok := e.peak.Load(); return ok }

// Probed counts a report that came without a call, and reports whether there was
// one. Of end, only the report counts.
func (e *Endpoint) Probed(now int64, end End, p *Params) bool {
	end.Took = 0
	if peak, ok := e.peak.Load(); ok && e.mute.Load() {
		// No call says in one breath what the server costs and what it took.
		end.Outcome, end.Took = Success, time.Duration(peak)
	}
	return e.file(now, e.InFlight(), end, p)
}

// file takes in the report, if there is one.
func (e *Endpoint) file(now, own int64, end End, p *Params) bool {
	switch {
	case end.Reported:
		e.report(now, float64(end.InFlight)-float64(own), float64(end.Latency))
	case end.Loaded:
		// Of a server that works on one request at a time, requests in flight are u/(1-u).
		u := min(end.Utilization, busiest)
		e.report(now, u/(1-u)-float64(own), e.inLatency(now, end, p))
	default:
		return false
	}
	return true
}

// inLatency makes a latency of the cost that a server of ORCA reports, by the factor
// that lies between the two on average over all such servers.
func (e *Endpoint) inLatency(now int64, end End, p *Params) float64 {
	home := e.home.Load()
	if end.Cost <= 0 || home == nil {
		return 0
	}
	if end.Outcome == Success && end.Took > 0 {
		home.scale.Blend(ewma.At(now), float64(end.Took)/end.Cost, scaleBlend, ewma.Ticks(p.Decay))
	}
	scale, _ := home.scale.Load()
	return end.Cost * scale
}

// bound takes account of a latency that is only a lower bound, and that says
// nothing where there is no latency yet.
func (e *Endpoint) bound(at ewma.Tick, took, tau float64) {
	if _, known := e.peak.Load(); known && took > 0 {
		e.peak.AtLeast(at, took, tau)
	}
}

// count moves a share by a call that belongs to it (1) or does not (0).
func (e *Endpoint) count(bit uint32, share *ewma.Cell, at ewma.Tick, x, tau float64) {
	if x == 0 && e.odd.Load()&bit == 0 {
		return
	}
	share.Seed(at, 0)
	share.Blend(at, x, failureBlend, tau*sparse)
	if x > 0 {
		e.mark(bit, true)
	}
}

// report files a report. Of the requests that the server has in flight, the client's
// own are counted anew at every pick; the rest is others' load. A latency that is not
// known leaves that of former reports. Reports that arrive at once may each overwrite a
// part of the other: both are true.
func (e *Endpoint) report(now int64, others, latency float64) {
	others = max(others, 0)
	average := others
	w := e.speed.Load()
	if before := uint32(w); before != 0 {
		_, average = unpack(e.load.Load())
		old := age(now, before)
		average += (others - average) * max(dense, old/(old+averaged))
	}
	if latency <= 0 {
		latency, _ = unpack(w)
	}
	e.load.Store(pack(others, average))
	e.speed.Store(pack(latency, 0) | uint64(stamp(now)))
	e.mark(voided, false)
}
