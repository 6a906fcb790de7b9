// Package eject takes endpoints that fail, or are far slower than the others, out
// of the choice for a while, lets them back in with care, and holds back
// endpoints that have just come up.
//
//	if g.Due(now) {
//		g.Sweep(now, states, &c) // also after every change of states
//	}
//	i := g.Trial(now, states) // an endpoint on probation wants this call, or -1
//	if i < 0 {
//		i = best(func(s *eject.State) bool { return g.Panic() || s.Admit(now) == eject.Open })
//	}
//	...
//	states[i].Count(end, failed, float64(end-begin), &c)
//
// There is a [State] per endpoint and a [Group] per set of endpoints that do
// the same work, which are judged against each other. Both are plain numbers:
// no clock, no timer, no goroutine. The caller decides what a failure is; an
// error that the request deserved is none.
//
// # Ejection
//
// Three rules eject an endpoint, for BaseEjectionTime (5 s) times the number of
// its ejections of late, at most MaxEjectionTime (60 s), less a random quarter,
// so that the clients of a server do not come back in step. A MaxEjectionTime that is
// lowered counts from the next sweep on, for endpoints that are ejected already.
//
//   - ConsecutiveFailures (5) calls in a row failed. It acts at once, in
//     [State.Count]. Where others fail too, the row must be so long that
//     their share of failures p explains it with a chance of at most one in a
//     million: p^row <= 1e-6. When 30 % of all calls fail everywhere, that is 12
//     in a row instead of 5, and when all calls fail it is never.
//   - FailurePercent (20 %) or more of its recent calls failed, FailureMargin (10
//     points) more than of the calls to all others together, and by more than
//     three standard deviations of that share. Judged by [Group.Sweep].
//   - Its average latency exceeds LatencyFactor (3) times that of three quarters
//     of the endpoints, and by LatencyMargin (5 ms). Also by the sweep, and only among
//     MinimumHosts (5) or more. So a slow half, or third, of a fleet stays: to give
//     it less is the business of the score. The average is geometric: it takes
//     more than a few slow calls, which may deserve to be slow.
//
// The two rules of the sweep want RequestVolume (20) recent calls. Recent is a
// Window (10 s): older calls fade exponentially with this time constant. What
// was in flight when an endpoint was ejected says nothing about it
// afterwards.
//
// The number of ejections of late grows by one per ejection and shrinks by one
// per ReturnWindow that the endpoint did well in full use, as in gRFC A50.
//
// # Limits and panic
//
// At most MaxEjectionPercent (30 %) of a group are ejected at any time, but one
// may always be if there are two or more, and never all. What the limit
// spares has failed no less. So the group panics when fewer than PanicPercent
// (50 %) of it are well: neither ejected, nor spared, nor failing in a
// row, nor failing half of their calls. In panic, ejection is to be ignored: when
// most servers fail, the fault is elsewhere or it is overload, and to pile the
// load onto the rest would make it worse. Nobody is ejected in panic, and no ejection
// becomes longer.
//
// # Probation and return
//
// When its time is over, an ejected endpoint gets single calls, the next
// when the last has ended. ProbationCalls (3) successes in a row readmit it. A
// failure ejects it again, for longer, unless the others fail FailurePercent of
// their calls, too: then the row starts anew. After ejection for latency, a call
// that is too slow is a failure. A call that has not ended after ProbationTimeout (10 s),
// such as a stream, did not fail: it counts as a success.
//
// Readmitted, an endpoint gets 10 % of its share at first, and all of it after
// ReturnWindow (10 s), see [State.Share]. Without traffic nothing happens:
// the first calls after a pause are the single ones.
//
// # Slow start
//
// An endpoint that has just come up has cold caches, pools and, on some runtimes,
// uncompiled code. By Envoy's formula it gets, t after its arrival,
//
//	max(MinPercent/100, (t/Window)^(1/Aggression))
//
// of its share. The window, 10 s, is jittered by a quarter up and down, so that
// 1000 clients do not ramp in step. A server in Go is warm after a second or two,
// one in Java after 30 s or more. Ten seconds keep a flood from the caches and
// pools of either, and still add soon the capacity that a scale-out was
// meant to bring; for Java raise it. Shares are relative to the largest in the
// group, so that nothing is held back when all have just come up, as when the
// client starts.
//
// # Guarantees
//
// An endpoint that answers is readmitted, if there is traffic: no ejection
// lasts longer than MaxEjectionTime, and probation ends with the first
// ProbationCalls successes. [State.Admit] and [State.Count] neither block nor
// allocate; a success costs one atomic addition.
package eject
