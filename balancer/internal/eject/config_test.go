package eject_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func TestDefaults(t *testing.T) {
	want := eject.Config{
		ConsecutiveFailures: 5,
		FailurePercent:      20,
		FailureMargin:       10,
		LatencyFactor:       3,
		LatencyMargin:       5 * time.Millisecond,
		RequestVolume:       20,
		MinimumHosts:        5,
		Window:              10 * time.Second,
		Interval:            time.Second,
		BaseEjectionTime:    5 * time.Second,
		MaxEjectionTime:     time.Minute,
		MaxEjectionPercent:  30,
		PanicPercent:        50,
		ProbationCalls:      3,
		ProbationTimeout:    10 * time.Second,
		ReturnWindow:        10 * time.Second,
		SlowStart:           eject.SlowStart{Window: 10 * time.Second, Aggression: 1, MinPercent: 10},
	}
	if diff := cmp.Diff(want, eject.Config{}.WithDefaults()); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if err := (eject.Config{}).Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	if diff := cmp.Diff(want, want.WithDefaults()); diff != "" {
		t.Errorf("defaults are not idempotent (-want +got):\n%s", diff)
	}
	long := eject.Config{BaseEjectionTime: 5 * time.Minute}
	if err := long.Validate(); err != nil {
		t.Errorf("a base ejection time above the default maximum is refused: %v", err)
	}
}

func TestValidate(t *testing.T) {
	off := eject.Config{
		ConsecutiveFailures: eject.Off, FailurePercent: eject.Off, LatencyFactor: eject.Off,
		MaxEjectionPercent: eject.Off, PanicPercent: eject.Off, SlowStart: eject.SlowStart{Window: -time.Second},
	}
	for _, tt := range []struct {
		name string
		c    eject.Config
		want string
	}{
		{"everything off", off, ""},
		{"row", eject.Config{ConsecutiveFailures: 1001}, "balancer: outlierDetection.consecutiveFailures must be between 1 and 1000 or -1 for off, got 1001"},
		{"percent", eject.Config{FailurePercent: 101}, "balancer: outlierDetection.failurePercent must be between 1 and 100 or -1 for off, got 101"},
		{"margin", eject.Config{FailureMargin: -1}, "balancer: outlierDetection.failureMargin must be between 1 and 100, got -1"},
		{"factor", eject.Config{LatencyFactor: 1}, "balancer: outlierDetection.latencyFactor must be between 1.5 and 1000 or -1 for off, got 1"},
		{"no number", eject.Config{LatencyFactor: math.NaN()}, "balancer: outlierDetection.latencyFactor must be between 1.5 and 1000 or -1 for off, got NaN"},
		{"latency margin", eject.Config{LatencyMargin: time.Hour}, "balancer: outlierDetection.latencyMargin must be between 1µs and 1m0s, got 1h0m0s"},
		{"volume", eject.Config{RequestVolume: 4}, "balancer: outlierDetection.requestVolume must be between 5 and 10000, got 4"},
		{"hosts", eject.Config{MinimumHosts: 2}, "balancer: outlierDetection.minimumHosts must be between 3 and 1000, got 2"},
		{"window", eject.Config{Window: time.Millisecond}, "balancer: outlierDetection.window must be between 1s and 10m0s, got 1ms"},
		{"interval", eject.Config{Interval: time.Minute}, "balancer: outlierDetection.interval must be between 100ms and 30s, got 1m0s"},
		{"base", eject.Config{BaseEjectionTime: -1}, "balancer: outlierDetection.baseEjectionTime must be between 100ms and 1h0m0s, got -1ns"},
		{"max below base", eject.Config{MaxEjectionTime: time.Second}, "balancer: outlierDetection.maxEjectionTime must be between 5s and 1h0m0s, got 1s"},
		{"max percent", eject.Config{MaxEjectionPercent: -2}, "balancer: outlierDetection.maxEjectionPercent must be between 1 and 100 or -1 for off, got -2"},
		{"panic", eject.Config{PanicPercent: 200}, "balancer: outlierDetection.panicPercent must be between 1 and 100 or -1 for off, got 200"},
		{"probation", eject.Config{ProbationCalls: 101}, "balancer: outlierDetection.probationCalls must be between 1 and 100, got 101"},
		{"timeout", eject.Config{ProbationTimeout: 1}, "balancer: outlierDetection.probationTimeout must be between 100ms and 10m0s, got 1ns"},
		{"return", eject.Config{ReturnWindow: time.Hour}, "balancer: outlierDetection.returnWindow must be between 10ms and 10m0s, got 1h0m0s"},
		{"slow start", eject.Config{SlowStart: eject.SlowStart{Window: 1}}, "balancer: slowStart.window must be between 10ms and 1h0m0s, got 1ns"},
		{"aggression", eject.Config{SlowStart: eject.SlowStart{Aggression: 11}}, "balancer: slowStart.aggression must be between 0.1 and 10, got 11"},
		{"least", eject.Config{SlowStart: eject.SlowStart{MinPercent: -1}}, "balancer: slowStart.minPercent must be between 1 and 100, got -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.c.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	err := eject.Config{RequestVolume: 1, Window: 1, SlowStart: eject.SlowStart{MinPercent: 101}}.Validate()
	if err == nil {
		t.Fatal("three faults are accepted")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 {
		t.Errorf("three faults give %d messages: %q", len(lines), lines)
	}
}
