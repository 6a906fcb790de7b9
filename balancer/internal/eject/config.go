package eject

import (
	"errors"
	"fmt"
	"time"
)

// Off turns a rule off where a field of Config says so. Zero is the default.
const Off = -1

// Config holds every knob. The zero value is the default, and so is each field
// that is zero; all methods of State and Group want the result of WithDefaults.
// All fields but SlowStart belong to the JSON object "outlierDetection".
type Config struct {
	// ConsecutiveFailures is how many calls in a row must fail for immediate
	// ejection. 1 to 1000; default 5, as in Envoy; Off: the rule is off. JSON
	// name "consecutiveFailures".
	ConsecutiveFailures int
	// FailurePercent is the least share of recent calls that must have failed, in
	// percent. 1 to 100; default 20; Off: the rule is off. JSON "failurePercent".
	FailurePercent int
	// FailureMargin is by how much this share must exceed that of all
	// others together, in percentage points. 1 to 100; default 10. JSON
	// "failureMargin".
	FailureMargin int
	// LatencyFactor is how many times slower than three quarters of the group an
	// endpoint must be. 1.5 to 1000; default 3; Off: the rule is off. JSON
	// "latencyFactor".
	LatencyFactor float64
	// LatencyMargin is by how much it must be slower, in addition: the next zone is
	// no outlier. 1 us to 1 min; default 5 ms. JSON "latencyMargin".
	LatencyMargin time.Duration
	// RequestVolume is how many recent calls an endpoint must have had to
	// be judged by percentage or latency. 5 to 10000; default 20. JSON "requestVolume".
	RequestVolume int
	// MinimumHosts is how many endpoints must have had them to be judged by latency.
	// 3 to 1000; default 5, that of gRFC A50. JSON "minimumHosts".
	MinimumHosts int
	// Window is the time constant by which calls fade. 1 s to 10 min; default 10 s,
	// the interval of gRFC A50. JSON "window".
	Window time.Duration
	// Interval is the time between sweeps. 100 ms to 30 s; default 1 s. JSON
	// "interval".
	Interval time.Duration
	// BaseEjectionTime is how long the first ejection lasts. 100 ms to 1 h; default
	// 5 s: single calls afterwards make an early end cheap. JSON "baseEjectionTime".
	BaseEjectionTime time.Duration
	// MaxEjectionTime is how long an ejection lasts at most. BaseEjectionTime to 1 h;
	// default 60 s, or BaseEjectionTime if that is longer. Where it is lowered, those
	// that are ejected already come back no later than this time after. JSON "maxEjectionTime".
	MaxEjectionTime time.Duration
	// MaxEjectionPercent is how much of a group may be ejected at a time. 1 to 100,
	// but one of two or more always may, and all never; default 30; Off: nothing is
	// ejected. JSON "maxEjectionPercent".
	MaxEjectionPercent int
	// PanicPercent is how much of a group must be well for ejection to
	// be heeded. 1 to 100; default 50, Envoy's; Off: there is no panic. JSON
	// "panicPercent".
	PanicPercent int
	// ProbationCalls is how many single calls in a row must succeed after
	// an ejection. 1 to 100; default 3. JSON "probationCalls".
	ProbationCalls int
	// ProbationTimeout is how long the end of a single call is awaited before
	// the next. 100 ms to 10 min; default 10 s. JSON "probationTimeout".
	ProbationTimeout time.Duration
	// ReturnWindow is how long it takes from probation to a full share, and how long
	// an endpoint must do well in full use for one past ejection to be forgotten.
	// 10 ms to 10 min; default 10 s. JSON "returnWindow".
	ReturnWindow time.Duration
	// SlowStart is the JSON object "slowStart".
	SlowStart SlowStart
}

// SlowStart says how new endpoints get their share.
type SlowStart struct {
	// Window is how long it takes to the full share, on average. 10 ms to 1 h;
	// default 10 s; negative: no slow start. JSON "window"; "-1s" is off.
	Window time.Duration
	// Aggression bends the ramp: at 1 it is linear, above 1 it is steeper at first.
	// 0.1 to 10; default 1, Envoy's. JSON "aggression".
	Aggression float64
	// MinPercent is the share at first. 1 to 100; default 10, Envoy's. JSON
	// "minPercent".
	MinPercent int
}

// WithDefaults returns c with defaults in place of zeros.
func (c Config) WithDefaults() Config {
	integer := func(to *int, value int) {
		if *to == 0 {
			*to = value
		}
	}
	duration := func(to *time.Duration, value time.Duration) {
		if *to == 0 {
			*to = value
		}
	}
	float := func(to *float64, value float64) {
		if *to == 0 {
			*to = value
		}
	}
	integer(&c.ConsecutiveFailures, 5)
	integer(&c.FailurePercent, defaultFailurePercent)
	integer(&c.FailureMargin, 10)
	float(&c.LatencyFactor, 3)
	duration(&c.LatencyMargin, 5*time.Millisecond)
	integer(&c.RequestVolume, 20)
	integer(&c.MinimumHosts, 5)
	duration(&c.Window, 10*time.Second)
	duration(&c.Interval, defaultInterval)
	duration(&c.BaseEjectionTime, 5*time.Second)
	duration(&c.MaxEjectionTime, max(time.Minute, c.BaseEjectionTime))
	integer(&c.MaxEjectionPercent, 30)
	integer(&c.PanicPercent, 50)
	integer(&c.ProbationCalls, 3)
	duration(&c.ProbationTimeout, 10*time.Second)
	duration(&c.ReturnWindow, 10*time.Second)
	duration(&c.SlowStart.Window, 10*time.Second)
	float(&c.SlowStart.Aggression, 1)
	integer(&c.SlowStart.MinPercent, 10)
	return c
}

const (
	defaultFailurePercent = 20
	defaultInterval       = time.Second
)

// Validate returns an error that names every field of c, defaults filled in, that is
// out of its limits, by its JSON name with the limits and the value, or nil.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var f faults
	f.integer("outlierDetection.consecutiveFailures", c.ConsecutiveFailures, 1, 1000, true)
	f.integer("outlierDetection.failurePercent", c.FailurePercent, 1, 100, true)
	f.integer("outlierDetection.failureMargin", c.FailureMargin, 1, 100, false)
	if c.LatencyFactor != Off {
		f.float("outlierDetection.latencyFactor", c.LatencyFactor, 1.5, 1000, " or -1 for off")
	}
	f.duration("outlierDetection.latencyMargin", c.LatencyMargin, time.Microsecond, time.Minute)
	f.integer("outlierDetection.requestVolume", c.RequestVolume, 5, 10000, false)
	f.integer("outlierDetection.minimumHosts", c.MinimumHosts, 3, 1000, false)
	f.duration("outlierDetection.window", c.Window, time.Second, 10*time.Minute)
	f.duration("outlierDetection.interval", c.Interval, 100*time.Millisecond, 30*time.Second)
	f.duration("outlierDetection.baseEjectionTime", c.BaseEjectionTime, 100*time.Millisecond, time.Hour)
	f.duration("outlierDetection.maxEjectionTime", c.MaxEjectionTime, max(c.BaseEjectionTime, 100*time.Millisecond), time.Hour)
	f.integer("outlierDetection.maxEjectionPercent", c.MaxEjectionPercent, 1, 100, true)
	f.integer("outlierDetection.panicPercent", c.PanicPercent, 1, 100, true)
	f.integer("outlierDetection.probationCalls", c.ProbationCalls, 1, 100, false)
	f.duration("outlierDetection.probationTimeout", c.ProbationTimeout, 100*time.Millisecond, 10*time.Minute)
	f.duration("outlierDetection.returnWindow", c.ReturnWindow, 10*time.Millisecond, 10*time.Minute)
	if c.SlowStart.Window > 0 {
		f.duration("slowStart.window", c.SlowStart.Window, 10*time.Millisecond, time.Hour)
	}
	f.float("slowStart.aggression", c.SlowStart.Aggression, 0.1, 10, "")
	f.integer("slowStart.minPercent", c.SlowStart.MinPercent, 1, 100, false)
	return errors.Join(f...)
}

type faults []error

func (f *faults) integer(field string, v, low, high int, canBeOff bool) {
	off := ""
	if canBeOff {
		off = " or -1 for off"
	}
	if (v < low || v > high) && !(canBeOff && v == Off) {
		*f = append(*f, fmt.Errorf("balancer: %s must be between %d and %d%s, got %d", field, low, high, off, v))
	}
}

// float also refuses NaN.
func (f *faults) float(field string, v, low, high float64, off string) {
	if !(v >= low && v <= high) {
		*f = append(*f, fmt.Errorf("balancer: %s must be between %v and %v%s, got %v", field, low, high, off, v))
	}
}

func (f *faults) duration(field string, v, low, high time.Duration) {
	if v < low || v > high {
		*f = append(*f, fmt.Errorf("balancer: %s must be between %v and %v, got %v", field, low, high, v))
	}
}
