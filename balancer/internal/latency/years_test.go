package latency_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/latency"
)

// TestForgottenSamplesStayForgotten runs a server for a year: a level that was busy
// once, at its start, must not come back to life half a turn of the ticks later.
func TestForgottenSamplesStayForgotten(t *testing.T) {
	const day = 24 * time.Hour
	for age := day; age <= 365*day; age += day {
		var e latency.Estimator
		e.Add(0, 1, 10*time.Second)
		e.Add(int64(age), 0, 5*time.Millisecond)
		if got := e.Estimate(int64(age), 0); got > 6*time.Millisecond {
			t.Errorf("%v after a slow start the estimate is %v, want 5 ms", age, got)
		}
	}
}
