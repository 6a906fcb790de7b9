package eject

import "time"

// Reason is why an endpoint was ejected.
type Reason uint8

const (
	// None is the reason of one that is not ejected.
	None Reason = iota
	// ConsecutiveFailures is a row of failed calls.
	ConsecutiveFailures
	// FailurePercent is a share of failed calls above that of the others.
	FailurePercent
	// Latency is an average latency far above that of the others.
	Latency

	reasons
)

// String returns the reason in words, for people and as a metric label.
func (r Reason) String() string {
	switch r {
	case None:
		return "none"
	case ConsecutiveFailures:
		return "consecutive failures"
	case FailurePercent:
		return "failure percentage"
	case Latency:
		return "latency"
	default:
		return "unknown"
	}
}

// Phase is where an endpoint is between ejection and full use.
type Phase uint8

const (
	// Normal is full use.
	Normal Phase = iota
	// Starting is slow start.
	Starting
	// Ejected is no use.
	Ejected
	// Probation is single calls.
	Probation
	// Returning is the ramp after probation.
	Returning
)

// String returns the phase in lower case.
func (p Phase) String() string {
	switch p {
	case Normal:
		return "normal"
	case Starting:
		return "starting"
	case Ejected:
		return "ejected"
	case Probation:
		return "probation"
	case Returning:
		return "returning"
	default:
		return "unknown"
	}
}

// Counters are the numbers behind a verdict. Calls, Failures and Latency are as
// of the last sweep, and only of calls since the last ejection or return.
type Counters struct {
	Phase     Phase
	Calls     float64       // recent calls, faded
	Failures  float64       // how many of them failed
	Latency   time.Duration // geometric mean of recent latencies; 0: none
	Run       int           // failures in a row
	Streak    int           // successes in a row on probation
	Lately    int           // ejections of late: the next lasts as many base times, plus one
	Ejections uint32        // ejections ever
}

// Explain tells why the endpoint is ejected or returning from that (else None),
// when the ejection ends or has ended (0 if it is admitted), and the numbers. It
// reads one after the other while calls go on.
func (s *State) Explain(now int64) (reason Reason, until int64, n Counters) {
	until = s.until.Load()
	switch {
	case until > now:
		n.Phase = Ejected
	case until != 0:
		n.Phase = Probation
	case s.returned.Load() != 0:
		n.Phase = Returning
	case s.arrived.Load() != 0:
		n.Phase = Starting
	}
	if n.Phase >= Ejected {
		reason = Reason(s.reason.Load())
	}
	n.Calls, n.Failures = unpair(s.window.Load())
	if samples, log := unpair(s.speed.Load()); samples > 0 {
		n.Latency = time.Duration(unlog(log))
	}
	n.Run = int(s.run.Load())
	n.Streak = int(s.streak.Load())
	n.Lately = int(s.times.Load())
	n.Ejections = s.ejections.Load()
	return reason, until, n
}
