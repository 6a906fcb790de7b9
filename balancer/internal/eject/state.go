package eject

import "sync/atomic"

// State is what decides whether one endpoint may be used, and how much. The zero
// value was never ejected and does not ramp. All methods may be called
// concurrently; none blocks or allocates. Moments are in nanoseconds since a base
// that all states of a group share.
type State struct {
	// Read by every pick and end of a call, rarely written.
	until    atomic.Int64          // 0: admitted; else the end of the ejection
	since    atomic.Int64          // moment of the last ejection; 0: none
	returned atomic.Int64          // start of the ramp after it; 0: no ramp
	arrived  atomic.Int64          // start of the slow start; 0: none
	group    atomic.Pointer[Group] // that swept last

	// Rarely used.
	seed      atomic.Uint64 // of jitter
	lease     atomic.Int64  // until when a single call's end is awaited; 0: none is
	patience  atomic.Int64  // how long a lease lasts
	eased     atomic.Int64  // since when it is well, for the number of ejections
	folded    atomic.Int64  // moment of the last fold
	window    atomic.Uint64 // pair: recent calls, and how many of them failed
	speed     atomic.Uint64 // pair: recent latencies, and the average logarithm
	streak    atomic.Int32  // successes in a row on probation
	times     atomic.Int32  // ejections of late
	ejections atomic.Uint32 // ejections ever
	reason    atomic.Uint32 // of the last ejection

	// Written by every end of a call, and more than a cache line behind what picks
	// read.
	timed atomic.Uint64 // since the last fold: latencies, and the sum of their logarithms
	odd   atomic.Uint64 // since the last fold: successes without latency, and failures
	run   atomic.Int32  // failures in a row
}

// longest is where the count of failures in a row stops.
const longest = 1 << 30

// Count counts the end of a call, and reports whether that has ejected the
// endpoint. Latency is how long the call took, in ns, whether it failed or not.
// A negative latency tells that the call took this long, but that this is
// no measure of speed, as of a stream; 0 is not known.
//
// A call that its caller cancelled says nothing and must not be counted, see
// [State.Release]. An error that the request deserved is no failure. A call that
// began before the last ejection is ignored.
func (s *State) Count(now int64, failed bool, latency float64, c *Config) (ejected bool) {
	if since := s.since.Load(); since != 0 {
		if began := now - int64(max(latency, -latency)); began < since {
			return false
		}
		if until := s.until.Load(); until != 0 {
			return s.countTrial(now, until, failed, latency, c)
		}
	}
	if failed {
		s.odd.Add(oddFailure)
		run := s.run.Add(1)
		if run > longest {
			s.run.Store(longest)
		}
		return inARow(run, c) && s.condemn(now, run, c)
	}
	if s.run.Load() != 0 {
		s.run.Store(0)
	}
	if latency > 0 {
		s.timed.Add(timedCall(latency))
	} else {
		s.odd.Add(oddSuccess)
	}
	return false
}

// Skimmed counts n successes of unknown latency, if the endpoint is calm.
func (s *State) Skimmed(n int) { s.odd.Add(uint64(n) * oddSuccess) }

// Calm reports whether a success changes nothing but counts.
func (s *State) Calm() bool { return s.until.Load() == 0 && s.run.Load() == 0 }

// condemn ejects the endpoint after a row of failures, if its group allows. It does
// not wait for a sweep that is under way: that, or the next one, ejects it.
func (s *State) condemn(now int64, run int32, c *Config) bool {
	g := s.group.Load()
	if g == nil || g.Panic() || !improbable(run, s.others(g), c) || !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	if g.ejected >= g.allowed || !s.eject(now, ConsecutiveFailures, c) {
		return false
	}
	g.ejected++
	return true
}

// others is the share of failures among the recent calls to all others in g.
func (s *State) others(g *Group) tally {
	calls, failures := unpair(g.sums.Load())
	if s.until.Load() != 0 {
		return tally{calls, failures}
	}
	ownCalls, ownFailures := unpair(s.window.Load())
	return tally{calls, failures}.without(tally{ownCalls, ownFailures})
}
