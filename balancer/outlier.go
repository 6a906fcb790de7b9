package balancer

import (
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

// Off in an integer or float field of [OutlierDetection] that says so turns a rule off.
const Off = eject.Off

// OutlierDetection says which endpoints get no calls for a while ("ejected"), and how
// they come back. Fields have gRFC A50's names where they mean what they mean there.
//
// After its time an ejected endpoint gets single calls, one at a time; if enough
// of them succeed in a row, its share grows to the full one over ReturnWindow. A failure
// ejects it again, for longer. If too many endpoints are unwell, ejection is
// ignored ("panic"), because then it is hardly they who are.
type OutlierDetection struct {
	// ConsecutiveFailures is how many calls in a row must fail for immediate
	// ejection. 1 to 1000; default 5, as in Envoy; Off: the rule is off.
	ConsecutiveFailures int
	// FailurePercent is the least share of recent calls that must have failed, in
	// percent. 1 to 100; default 20; Off: the rule is off.
	FailurePercent int
	// FailureMargin is by how much this share must exceed that of all
	// others together, in percentage points. 1 to 100; default 10.
	FailureMargin int
	// LatencyFactor is how many times slower than three quarters of the endpoints of its
	// priority one must be. 1.5 to 1000; default 3; Off: the rule is off.
	LatencyFactor float64
	// LatencyMargin is by how much it must be slower, in addition. 1 us to 1 min;
	// default 5 ms.
	LatencyMargin time.Duration
	// RequestVolume is how many recent calls an endpoint must have had to be judged by
	// percentage or latency. 5 to 10000; default 20.
	RequestVolume int
	// MinimumHosts is how many endpoints must have had them to be judged by latency. 3
	// to 1000; default 5, that of gRFC A50.
	MinimumHosts int
	// Window is the time constant by which calls fade. 1 s to 10 min; default 10 s.
	Window time.Duration
	// Interval is the time between judgements. 100 ms to 30 s; default 1 s.
	Interval time.Duration
	// BaseEjectionTime is how long the first ejection lasts. 100 ms to 1 h; default 5 s.
	BaseEjectionTime time.Duration
	// MaxEjectionTime is how long an ejection lasts at most. BaseEjectionTime to 1 h;
	// default 60 s, or BaseEjectionTime if that is longer. Where it is lowered, those
	// that are ejected already come back no later than this time after.
	MaxEjectionTime time.Duration
	// MaxEjectionPercent is how much of the endpoints of one priority may be ejected at
	// a time. 1 to 100, but one of two or more always may, and all never; default 30;
	// Off: nothing is ejected.
	MaxEjectionPercent int
	// PanicPercent is how much of them must be well for ejection to be heeded. 1 to
	// 100; default 50, Envoy's; Off: there is no panic.
	PanicPercent int
	// ProbationCalls is how many single calls in a row must succeed. 1 to 100; default 3.
	ProbationCalls int
	// ProbationTimeout is how long the end of a single call is awaited before the
	// next. 100 ms to 10 min; default 10 s.
	ProbationTimeout time.Duration
	// ReturnWindow is how long it takes from probation to a full share. 10 ms to 10
	// min; default 10 s.
	ReturnWindow time.Duration
}

// SlowStart says how endpoints that are new get their share: at time t in the
// window, max(MinPercent/100, (t/Window)^(1/Aggression)) of it, as in Envoy. Shares are
// relative: endpoints that are all new lose nothing. The window
// is jittered by a quarter, so that clients do not act in step.
type SlowStart struct {
	// Window is how long it takes to the full share. 10 ms to 1 h; default 10 s;
	// negative: no slow start.
	Window time.Duration
	// Aggression bends the ramp: at 1 it is linear, above 1 it is steeper at first.
	// 0.1 to 10; default 1, Envoy's.
	Aggression float64
	// MinPercent is the share at first. 1 to 100; default 10, Envoy's.
	MinPercent int
}

func (c Config) ejection() eject.Config {
	o, s := c.OutlierDetection, c.SlowStart
	return eject.Config{
		ConsecutiveFailures: o.ConsecutiveFailures,
		FailurePercent:      o.FailurePercent,
		FailureMargin:       o.FailureMargin,
		LatencyFactor:       o.LatencyFactor,
		LatencyMargin:       o.LatencyMargin,
		RequestVolume:       o.RequestVolume,
		MinimumHosts:        o.MinimumHosts,
		Window:              o.Window,
		Interval:            o.Interval,
		BaseEjectionTime:    o.BaseEjectionTime,
		MaxEjectionTime:     o.MaxEjectionTime,
		MaxEjectionPercent:  o.MaxEjectionPercent,
		PanicPercent:        o.PanicPercent,
		ProbationCalls:      o.ProbationCalls,
		ProbationTimeout:    o.ProbationTimeout,
		ReturnWindow:        o.ReturnWindow,
		SlowStart:           eject.SlowStart{Window: s.Window, Aggression: s.Aggression, MinPercent: s.MinPercent},
	}
}
