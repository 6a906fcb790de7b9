package balancer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func (b *backend) failWith(code codes.Code) {
	err := status.Error(code, "as told")
	b.fail.Store(&err)
}

// failAfter makes calls fail, after d.
func (b *backend) failAfter(d time.Duration, code codes.Code) {
	b.failsAfter.Store(int64(d))
	b.failWith(code)
}

func TestFastFailureDoesNotAttract(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*backend)
	}{{"reporting", nil}, {"silent", silent}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(5, tt.configure)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(100, time.Second)
				servers[0].failWith(codes.ResourceExhausted)
				c.drive(100, time.Second)
				if got := c.drive(100, 5*time.Second).share(addrs[0]); got > 0.02 {
					t.Errorf("the failing server got %.3f of the calls, want at most 0.02", got)
				}
				servers[0].fail.Store(nil)
				c.drive(100, 25*time.Second)
				if got := c.drive(100, 5*time.Second).share(addrs[0]); got < 0.08 {
					t.Errorf("25 s after its recovery the server got %.3f of the calls, want 0.08 or more", got)
				}
			})
		})
	}
}

// TestCallersMistakesAreNotTheServers has one server meet the mistakes: it may
// neither be avoided for them, nor preferred because refusing is fast.
func TestCallersMistakesAreNotTheServers(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*backend)
	}{{"reporting", nil}, {"silent", silent}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(4, tt.configure)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(100, time.Second)
				servers[0].failWith(codes.NotFound)
				tr := c.drive(100, 5*time.Second)
				// The second rule draws pairs, which bounds it by half of four.
				if got := tr.share(addrs[0]); got < 0.1 || got > 0.58 {
					t.Errorf("a server that refuses at once got %.2f of the calls, want 0.1 to 0.58", got)
				}
			})
		})
	}
}

func TestDeadAndRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(5, nil)
		defer func() { stopAll(servers) }()
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 2*time.Second)
		servers[2].stop()
		tr := c.drive(100, 5*time.Second)
		if tr.errors > 3 {
			t.Errorf("%d calls failed when a server died, want at most those in flight on it", tr.errors)
		}
		servers[2].run()
		<-time.After(10 * time.Second) // backoff
		tr = c.drive(100, 10*time.Second)
		if got := tr.share(addrs[2]); got < 0.05 || tr.errors > 0 {
			t.Errorf("restarted, it got %.2f of the calls with %d errors, want 0.05 or more and 0", got, tr.errors)
		}
	})
}

// TestStreamsAreNoLatency keeps streams open for a minute on all servers: their
// end must not look like a call that took a minute.
func TestStreamsAreNoLatency(t *testing.T) {
	for _, s := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(2, func(b *backend) { b.silent = s })
			defer stopAll(servers)
			c := f.freshet(endpoints(addrs...))
			defer c.Close()
			c.drive(100, time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := c.FullDuplexCall(ctx); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			cancel()
			synctest.Wait()
			tr := c.drive(100, 3*time.Second)
			for _, a := range addrs {
				if got := tr.share(a); got < 0.35 {
					t.Errorf("silent=%v: after a long stream %s got %.2f of the calls, want 0.35 or more", s, a, got)
				}
			}
		})
	}
}

func TestStreamsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var open []testpb.TestService_FullDuplexCallClient
		for range 40 {
			s, err := c.FullDuplexCall(ctx)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, s)
			<-time.After(10 * time.Millisecond)
		}
		for i, s := range servers {
			if got := s.calls.Load(); got < 6 || got > 14 {
				t.Errorf("server %d has %d of %d streams, want about 10", i, got, len(open))
			}
		}
		cancel()
		synctest.Wait()
	})
}
