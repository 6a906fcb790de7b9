package balancer_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
)

// stream is one that stays open, and where it went.
type stream struct {
	testpb.TestService_FullDuplexCallClient
	endpoint string
}

func (c *channel) stream(t *testing.T, ctx context.Context) stream {
	t.Helper()
	ctx, state := callstate.New(ctx)
	s, err := c.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream{s, state.Endpoint()}
}

// lives fails unless a message is answered.
func (s stream) lives(t *testing.T) {
	t.Helper()
	if err := s.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
		t.Errorf("a stream to %s cannot send: %v", s.endpoint, err)
	} else if _, err := s.Recv(); err != nil {
		t.Errorf("a stream to %s gets no answer: %v", s.endpoint, err)
	}
}

// finish ends the stream and waits for the server to do so, too.
func (s stream) finish(t *testing.T) {
	t.Helper()
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("a stream to %s ended with %v, want EOF", s.endpoint, err)
	}
}

// streamsTo opens streams until each server has one.
func streamsTo(t *testing.T, c *channel, addrs []string) map[string]stream {
	t.Helper()
	open := make(map[string]stream)
	c.Connect()
	<-time.After(time.Second)
	for n := 0; len(open) < len(addrs); n++ {
		<-time.After(time.Millisecond)
		if n == 1000 {
			t.Fatalf("1000 streams went to %d of %d servers", len(open), len(addrs))
		}
		s := c.stream(t, t.Context())
		s.lives(t)
		if _, twice := open[s.endpoint]; twice {
			s.finish(t)
			continue
		}
		open[s.endpoint] = s
	}
	return open
}

// TestShortLivedConnections is TestGracefulClientOnGoAway: servers end each connection after
// 100 ms, which no call may notice, and no server may lose its share by it.
func TestShortLivedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, func(b *backend) {
			b.extra = append(b.extra, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 100 * time.Millisecond}))
		})
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		tr := c.drive(300, 10*time.Second)
		if tr.errors > 0 {
			t.Errorf("%d of %d calls failed, want 0", tr.errors, len(tr.latencies))
		}
		for _, a := range addrs {
			if got := tr.share(a); got < 0.25 {
				t.Errorf("%s got %.2f of the calls, want 0.25 or more", a, got)
			}
		}
		if got := f.dialled(); got < 100 {
			t.Errorf("%d connections were opened: the test shows nothing", got)
		}
	})
}

// TestStreamsOutliveGoAway is TestServerGoAwayPendingRPC, TestServerMultipleGoAwayPendingRPC and
// TestConcurrentServerStopAndGoAway: a server that leaves, asked twice, keeps the stream
// that it has and gets nothing new, and is stopped at last in spite of the stream.
func TestStreamsOutliveGoAway(t *testing.T) {
	for _, hard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(2, nil)
			defer stopAll(servers)
			c := f.freshet(endpoints(addrs...))
			defer c.Close()
			open := streamsTo(t, c, addrs)
			servers[0].refuse()
			var leaving sync.WaitGroup
			for range 2 {
				leaving.Go(servers[0].server.GracefulStop)
			}
			synctest.Wait()
			if tr := c.drive(100, 5*time.Second); tr.by[addrs[0]] > 0 || tr.errors > 0 {
				t.Errorf("after its GOAWAY the server got %d calls, and %d failed, want 0 and 0", tr.by[addrs[0]], tr.errors)
			}
			for _, s := range open {
				s.lives(t)
			}
			open[addrs[1]].finish(t)
			if !hard {
				open[addrs[0]].finish(t)
			} else {
				servers[0].server.Stop()
				if _, err := open[addrs[0]].Recv(); status.Code(err) != codes.Unavailable {
					t.Errorf("the stream to a server that is stopped ended with %v, want UNAVAILABLE", err)
				}
			}
			leaving.Wait()
		})
	}
}

// TestOnlyServerLeaves is TestServerGoAway: when the only server has sent GOAWAY, new
// calls fail, or wait for it if they may, and go on when it is back.
func TestOnlyServerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(nil, "10.0.0.1:443")
		c := f.freshet(endpoints("10.0.0.1:443"))
		defer c.Close()
		if _, err := c.call(t.Context()); err != nil {
			t.Fatal(err)
		}
		one.drainAndStop()
		<-time.After(100 * time.Millisecond)
		if _, err := c.call(t.Context()); status.Code(err) != codes.Unavailable {
			t.Errorf("after the GOAWAY of the only server a call ended with %v, want UNAVAILABLE", err)
		}
		waits := make(chan error)
		go func() {
			_, err := c.call(context.Background(), grpc.WaitForReady(true))
			waits <- err
		}()
		synctest.Wait()
		one.run()
		defer one.stop()
		if err := <-waits; err != nil {
			t.Errorf("a call that waits ended with %v when the server was back", err)
		}
	})
}

// TestOldConnectionEndsLate is TestGoAwayThenClose: the server is there again at once,
// while the connection of before has a stream; when that goes, nothing happens to the new one.
func TestOldConnectionEndsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(nil, "10.0.0.1:443")
		c := f.freshet(endpoints("10.0.0.1:443"))
		defer c.Close()
		old := c.stream(t, t.Context())
		old.lives(t)
		before := one.server
		one.refuse()
		go before.GracefulStop()
		one.run()
		defer one.stop()
		if tr := c.drive(100, time.Second); tr.errors > 0 {
			t.Errorf("%d calls failed, want 0", tr.errors)
		}
		dials := f.dialled()
		before.Stop()
		if _, err := old.Recv(); err == nil {
			t.Error("the stream of the old connection is still there")
		}
		if tr := c.drive(100, time.Second); tr.errors > 0 || f.dialled() != dials || dials != 2 {
			t.Errorf("after the end of the old connection %d calls failed, and %d connections were opened after %d, want 0, 0 and 2", tr.errors, f.dialled()-dials, dials)
		}
	})
}

// TestBothSidesLeave is TestClientConnCloseAfterGoAwayWithActiveStream and
// TestConcurrentClientConnCloseAndServerGoAway: the channel is closed while its servers
// send GOAWAY. Whoever is first, both come to an end.
func TestBothSidesLeave(t *testing.T) {
	for _, first := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(3, nil)
			c := f.freshet(endpoints(addrs...))
			streamsTo(t, c, addrs)
			var leaving sync.WaitGroup
			leaving.Go(func() {
				<-time.After(max(first, 0))
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			for _, s := range servers {
				leaving.Go(func() {
					<-time.After(max(-first, 0))
					s.drainAndStop()
				})
			}
			leaving.Wait()
			synctest.Wait()
			if got := len(balancer.Snapshots()); got > 0 {
				t.Errorf("%d balancers are left, want 0", got)
			}
		})
	}
}
