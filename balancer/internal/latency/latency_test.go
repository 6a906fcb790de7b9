package latency_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/latency"
)

const ms = time.Millisecond

func TestUnknown(t *testing.T) {
	var e latency.Estimator
	if got := e.Estimate(0, 0); got != 0 {
		t.Errorf("without samples the estimate is %v, want 0 for unknown", got)
	}
	e.AddBound(0, 0, time.Second)
	if got := e.Estimate(0, 0); got != 0 {
		t.Errorf("with only a lower bound the estimate is %v, want 0 for unknown", got)
	}
	e.Add(0, 0, ms)
	if got := e.Estimate(int64(9*time.Second), 0); got != ms {
		t.Errorf("9 s after the only sample the estimate is %v, want %v", got, ms)
	}
	if got := e.Estimate(int64(11*time.Second), 0); got != 0 {
		t.Errorf("11 s after the only sample the estimate is %v, want 0 for unknown", got)
	}
}

func TestFollowsTheLevel(t *testing.T) {
	var e latency.Estimator
	for i := range int64(100) {
		e.Add(i, 0, 10*ms)
		e.Add(i, 64, 100*ms)
	}
	if got := e.Estimate(100, 0); got > 12*ms {
		t.Errorf("idle, the estimate is %v, want about 10ms", got)
	}
	if got := e.Estimate(100, 64); got < 95*ms {
		t.Errorf("with 64 in flight the estimate is %v, want about 100ms", got)
	}
	if got := e.Estimate(100, 5000); got < 95*ms {
		t.Errorf("above all samples the estimate is %v, want that of the nearest level, 100ms", got)
	}
}

func TestSlowdownIsFeltAtOtherLevels(t *testing.T) {
	var e latency.Estimator
	now := int64(0)
	for range 100 {
		now += int64(10 * ms)
		e.Add(now, 0, 5*ms)
	}
	now += int64(2 * time.Second)
	for range 10 {
		now += int64(10 * ms)
		e.Add(now, 4, 150*ms) // two levels up
	}
	if got := e.Estimate(now, 0); got < 20*ms {
		t.Errorf("after a slowdown seen only at a higher level the idle estimate is %v, want well over 5ms", got)
	}
}

func TestAdaptsAndRecovers(t *testing.T) {
	var e latency.Estimator
	now := int64(0)
	feed := func(n int, d time.Duration) {
		for range n {
			now += int64(50 * ms)
			e.Add(now, 0, d)
		}
	}
	feed(50, 5*ms)
	feed(8, 150*ms)
	if got := e.Estimate(now, 0); got < 75*ms {
		t.Errorf("after 8 slow samples the estimate is %v, want more than half of 150ms", got)
	}
	feed(40, 5*ms)
	if got := e.Estimate(now, 0); got > 7*ms {
		t.Errorf("after 40 fast samples the estimate is %v, want about 5ms", got)
	}
}

func TestBoundsOnlyRaise(t *testing.T) {
	var e latency.Estimator
	e.Add(0, 0, 100*ms)
	e.AddBound(0, 0, ms)
	if got := e.Estimate(0, 0); got != 100*ms {
		t.Errorf("a fast failure moved the estimate to %v, want 100ms", got)
	}
	e.AddBound(0, 0, time.Second)
	if got := e.Estimate(0, 0); got <= 100*ms {
		t.Errorf("a slow failure left the estimate at %v, want more than 100ms", got)
	}
}

func TestNeverZeroWithSamplesAndWithinThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e latency.Estimator
		now, low, high := int64(0), time.Duration(1<<62), time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "samples") {
			d := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "latency"))
			low, high = min(low, max(d, 1)), max(high, d, 1)
			now += rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")
			e.Add(now, rapid.Int64Range(-1, 1<<40).Draw(t, "in flight"), d)
		}
		got := e.Estimate(now, rapid.Int64Range(-1, 1<<40).Draw(t, "at"))
		if got < 1 || float64(got) < 0.999*float64(low)-1 || float64(got) > 1.001*float64(high)+1 {
			t.Fatalf("the estimate is %v from samples of %v to %v", got, low, high)
		}
	})
}
