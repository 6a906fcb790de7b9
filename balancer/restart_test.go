package balancer_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/balancer"
)

// oneRetry allows every call a second attempt.
const oneRetry = `{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":2,"initialBackoff":"0.001s",
	"maxBackoff":"0.001s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// restartAll restarts the servers one after another. It returns how many calls the
// servers were working on when they were killed.
func restartAll(servers []*backend, graceful bool) (inFlight int64) {
	for _, s := range servers {
		if graceful {
			s.drainAndStop()
		} else {
			synctest.Wait() // until what was sent has arrived
			inFlight += s.inFlight.Load()
			s.stop()
		}
		<-time.After(200 * time.Millisecond)
		s.run()
		<-time.After(3 * time.Second) // what connects again, and backs off
	}
	return inFlight
}

// TestRollingRestart restarts ten servers under load.
func TestRollingRestart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		graceful bool
		base     string
	}{
		{"GOAWAY with one retry", true, oneRetry},
		{"GOAWAY without retry", true, ""},
		{"kill with one retry", false, oneRetry},
		{"kill without retry", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(10, nil)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...), balancer.WithBaseServiceConfig(tt.base))
				defer c.Close()
				c.drive(200, time.Second)
				var wg sync.WaitGroup
				var cut int64
				wg.Go(func() { cut = restartAll(servers, tt.graceful) })
				tr := c.drive(200, 35*time.Second)
				wg.Wait()
				if tt.base != "" {
					cut = 0
				}
				if int64(tr.errors) > cut {
					t.Errorf("%d of %d calls failed, want at most %d", tr.errors, len(tr.latencies), cut)
				}
				for _, a := range addrs {
					if got := tr.share(a); got < 0.05 {
						t.Errorf("%s got %.3f of the calls, want about a tenth", a, got)
					}
				}
			})
		})
	}
}

// TestFlapping has one of three servers come and go every second.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, nil)
		c := f.freshet(endpoints(addrs...), balancer.WithBaseServiceConfig(oneRetry))
		defer c.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 15 {
				<-time.After(time.Second)
				servers[0].stop()
				<-time.After(time.Second)
				servers[0].run()
			}
		})
		tr := c.drive(300, 30*time.Second)
		wg.Wait()
		defer stopAll(servers)
		if tr.errors > 0 {
			t.Errorf("%d of %d calls failed, want 0", tr.errors, len(tr.latencies))
		}
	})
}

// TestRetryAvoidsWhatFailed lets one of three servers refuse every call at once.
// A retry that may land there again would fail a call now and then.
func TestRetryAvoidsWhatFailed(t *testing.T) {
	for _, s := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(3, func(b *backend) { b.silent = s })
			defer stopAll(servers)
			servers[0].failWith(codes.Unavailable)
			for i := range 20 {
				// New channels have learnt nothing.
				c := f.freshet(endpoints(addrs...), balancer.WithBaseServiceConfig(oneRetry))
				c.Connect()
				<-time.After(time.Second)
				if tr := c.drive(1000, 50*time.Millisecond); tr.errors > 0 {
					t.Errorf("silent=%v, channel %d: %d of %d calls failed twice, want 0", s, i, tr.errors, len(tr.latencies))
				}
				c.Close()
			}
			if servers[0].calls.Load() < 5 {
				t.Errorf("silent=%v: the failing server was asked %d times: the test shows nothing", s, servers[0].calls.Load())
			}
		})
	}
}
