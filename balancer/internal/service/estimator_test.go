package service_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/service"
)

const ms = time.Millisecond

func at(d time.Duration) int64 { return int64(time.Hour + d) }

func ExampleEstimator() {
	var e service.Estimator
	e.Add(0, 10*time.Millisecond)
	e.Add(1, 30*time.Millisecond)
	fmt.Println(e.Estimate(2).Round(time.Millisecond))
	fmt.Println(e.Estimate(int64(time.Minute)))
	// Output:
	// 20ms
	// 0s
}

func near(got, want time.Duration) bool {
	return got >= want-want/100 && got <= want+want/100+2*time.Microsecond
}

func TestEstimate(t *testing.T) {
	for _, tt := range []struct {
		name string
		feed func(e *service.Estimator)
		at   time.Duration
		want time.Duration
	}{
		{"nothing", func(*service.Estimator) {}, 0, 0},
		{"one", func(e *service.Estimator) { e.Add(at(0), 5*ms) }, 0, 5 * ms},
		{"one of before", func(e *service.Estimator) { e.Add(at(0), 5*ms) }, 7 * time.Second, 5 * ms},
		{"one of long before", func(e *service.Estimator) { e.Add(at(0), 5*ms) }, 9 * time.Second, 0},
		{"the mean", func(e *service.Estimator) { e.Add(at(0), 5*ms); e.Add(at(time.Second), 25*ms) }, 2 * time.Second, 15 * ms},
		{"of the last seconds", func(e *service.Estimator) { e.Add(at(0), 5*ms); e.Add(at(9*time.Second), 25*ms) }, 9 * time.Second, 25 * ms},
		{"after a long pause", func(e *service.Estimator) { e.Add(at(0), 5*ms); e.Add(at(time.Hour), 25*ms) }, time.Hour, 25 * ms},
		{"no time is still some", func(e *service.Estimator) { e.Add(at(0), 0) }, 0, 1024},
		{"negative time, too", func(e *service.Estimator) { e.Add(at(0), -ms) }, 0, 1024},
		{"a day counts as ten minutes", func(e *service.Estimator) { e.Add(at(0), 24*time.Hour) }, 0, 10 * time.Minute},
		{"a longer bound", func(e *service.Estimator) { e.Add(at(0), 5*ms); e.AddBound(at(0), 25*ms) }, 0, 15 * ms},
		{"a shorter bound", func(e *service.Estimator) { e.Add(at(0), 5*ms); e.AddBound(at(0), ms) }, 0, 5 * ms},
		{"a bound alone", func(e *service.Estimator) { e.AddBound(at(0), 5*ms) }, 0, 0},
		{"a late clock", func(e *service.Estimator) { e.Add(at(20*time.Second), 5*ms); e.Add(at(11*time.Second), 25*ms) }, 20 * time.Second, 5 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e service.Estimator
			tt.feed(&e)
			if got := e.Estimate(at(tt.at)); !near(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestNeverZero is the property that keeps a server from looking infinitely fast.
func TestNeverZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e service.Estimator
		now := int64(0)
		least, most := time.Hour, time.Duration(0)
		for range rapid.IntRange(1, 50).Draw(t, "samples") {
			now += rapid.Int64Range(0, int64(100*ms)).Draw(t, "pause")
			took := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "took"))
			e.Add(now, took)
			least, most = min(least, took), max(most, took)
		}
		if got := e.Estimate(now); got <= 0 || got < least || got > most+2*time.Microsecond {
			t.Fatalf("the estimate is %v, want it over 0 and between %v and %v", got, least, most)
		}
	})
}

// TestConcurrent has many goroutines add the same latency while buckets are reused.
func TestConcurrent(t *testing.T) {
	var e service.Estimator
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20_000 {
				now := int64(i)*int64(2*ms) + int64(g)
				e.Add(now, 5*ms)
				if got := e.Estimate(now); got != 0 && !near(got, 5*ms) {
					t.Errorf("the estimate is %v, want 5ms", got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNoAllocations(t *testing.T) {
	var e service.Estimator
	now := int64(0)
	if got := testing.AllocsPerRun(1000, func() { now += int64(10 * ms); e.Add(now, ms); e.AddBound(now, ms); e.Estimate(now) }); got != 0 {
		t.Errorf("a sample and an estimate make %v allocations, want 0", got)
	}
}
