package balancer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
)

// watched is a server with health, and counts how many watches of it are open and were ever opened.
type watched struct{ open, ever atomic.Int64 }

func (w *watched) configure(b *backend) {
	withHealth(b)
	b.extra = append(b.extra, grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		if info.FullMethod == healthpb.Health_Watch_FullMethodName {
			w.ever.Add(1)
			w.open.Add(1)
			defer w.open.Add(-1)
		}
		return h(srv, ss)
	}))
}

func (w *watched) want(t *testing.T, when string, open, ever int64) {
	t.Helper()
	synctest.Wait()
	if w.open.Load() != open || w.ever.Load() != ever {
		t.Errorf("%s, %d of %d watches are open, want %d of %d", when, w.open.Load(), w.ever.Load(), open, ever)
	}
}

// TestHealthMakesTheState is TestHealthCheckWatchStateChange: what the health service of the
// only server says is the state of the channel.
func TestHealthMakesTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(withHealth, "10.0.0.1:443")
		defer one.stop()
		one.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		c := f.freshet(endpoints("10.0.0.1:443"))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		for _, step := range []struct {
			says healthpb.HealthCheckResponse_ServingStatus
			want connectivity.State
		}{
			{healthpb.HealthCheckResponse_NOT_SERVING, connectivity.TransientFailure},
			{healthpb.HealthCheckResponse_SERVING, connectivity.Ready},
			{healthpb.HealthCheckResponse_SERVICE_UNKNOWN, connectivity.TransientFailure},
			{healthpb.HealthCheckResponse_SERVING, connectivity.Ready},
			{healthpb.HealthCheckResponse_UNKNOWN, connectivity.TransientFailure},
		} {
			one.health.SetServingStatus("", step.says)
			<-time.After(100 * time.Millisecond)
			if got := c.GetState(); got != step.want {
				t.Errorf("when the server says %v the channel is %v, want %v", step.says, got, step.want)
			}
		}
	})
}

// TestWithoutHealthServiceIsServing is TestHealthCheckHealthServerNotRegistered.
func TestWithoutHealthServiceIsServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(nil, "10.0.0.1:443")
		defer one.stop()
		c := f.freshet(endpoints("10.0.0.1:443"), balancer.WithHealthService("foo"))
		defer c.Close()
		c.Connect()
		<-time.After(100 * time.Millisecond)
		if got := c.GetState(); got != connectivity.Ready {
			t.Errorf("the channel is %v, want READY", got)
		}
	})
}

// TestWatchesEnd is TestHealthCheckWithGoAway, …ConnClose, …AddrConnDrain and
// …ClientConnClose: a watch ends with its connection's use for new calls, while streams on
// the same connection go on, and each new connection has one.
func TestWatchesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		var w watched
		one := f.start(w.configure, "10.0.0.1:443")
		c := f.freshet(endpoints("10.0.0.1:443"))
		old := c.stream(t, t.Context())
		old.lives(t)
		w.want(t, "connected", 1, 1)

		before := one.server
		one.refuse()
		var leaving atomic.Bool
		go func() {
			before.GracefulStop()
			leaving.Store(true)
		}()
		w.want(t, "after GOAWAY", 0, 1)
		old.lives(t)
		old.finish(t)
		synctest.Wait()
		if !leaving.Load() {
			t.Error("the server waits for more than the stream")
		}

		one.run()
		<-time.After(5 * time.Second) // backoff
		w.want(t, "connected again", 1, 2)
		one.server.Stop()
		w.want(t, "after the connection was lost", 0, 2)
		one.run()
		<-time.After(5 * time.Second)
		w.want(t, "connected for the third time", 1, 3)

		old = c.stream(t, t.Context())
		old.lives(t)
		other := f.start(nil, "10.0.0.2:443")
		defer other.stop()
		c.resolver.UpdateState(endpoints("10.0.0.2:443"))
		w.want(t, "after the endpoint was removed", 0, 3)
		old.lives(t)
		old.finish(t)
		c.resolver.UpdateState(endpoints("10.0.0.1:443"))
		<-time.After(time.Second)
		w.want(t, "after the endpoint is back", 1, 4)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		w.want(t, "after the channel was closed", 0, 4)
		one.stop()
	})
}

// mum is a health service that does not answer before it is told to.
type mum struct {
	healthpb.UnimplementedHealthServer
	answer chan struct{}
}

func (m *mum) Watch(_ *healthpb.HealthCheckRequest, s healthpb.Health_WatchServer) error {
	select {
	case <-m.answer:
		if err := s.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}); err != nil {
			return err
		}
		<-s.Context().Done()
	case <-s.Context().Done():
	}
	return s.Context().Err()
}

// TestHealthNeverAnswers is TestHealthCheckWithoutSetConnectivityStateCalled, and
// …AddrConnShutDown: until the health service has answered, nobody knows that the server
// is well. It gets no calls while there are others, and calls wait where there are none; the
// end of the server, of the endpoint or of the channel meanwhile leaves nothing behind.
func TestHealthNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		m := &mum{answer: make(chan struct{})}
		one := f.start(func(b *backend) {
			b.services = func(s *grpc.Server) { healthpb.RegisterHealthServer(s, m) }
		}, "10.0.0.1:443")
		c := f.freshet(endpoints("10.0.0.1:443"))
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if state, err := c.call(ctx); status.Code(err) != codes.DeadlineExceeded || state.Attempts() != 0 {
			t.Errorf("before the health service answers a call ended with %v after %d attempts, want DEADLINE_EXCEEDED and 0", err, state.Attempts())
		}
		other := f.start(withHealth, "10.0.0.2:443")
		defer other.stop()
		c.resolver.UpdateState(endpoints("10.0.0.1:443", "10.0.0.2:443"))
		if tr := c.drive(100, time.Second); tr.by["10.0.0.1:443"] > 0 || tr.errors > 0 {
			t.Errorf("before its health service answers a server got %d calls, and %d failed, want 0 and 0", tr.by["10.0.0.1:443"], tr.errors)
		}
		one.server.Stop() // lost, and connected again, while health is awaited
		one.run()
		<-time.After(5 * time.Second)
		c.resolver.UpdateState(endpoints("10.0.0.2:443")) // removed meanwhile
		synctest.Wait()
		c.resolver.UpdateState(endpoints("10.0.0.1:443", "10.0.0.2:443"))
		<-time.After(5 * time.Second)
		close(m.answer)
		c.drive(100, 15*time.Second) // slow start
		if tr := c.drive(100, 2*time.Second); tr.share("10.0.0.1:443") < 0.2 || tr.errors > 0 {
			t.Errorf("when its health service has answered it got %.2f of the calls, and %d failed, want 0.2 or more and 0", tr.share("10.0.0.1:443"), tr.errors)
		}
		one.stop()
	})
}

// TestHealthIsNotAsked is TestHealthCheckDisable: by the channel's option, by the
// policy's, and without a healthCheckConfig.
func TestHealthIsNotAsked(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []grpc.DialOption
	}{
		{"channel's option", append(balancer.DialOptions(balancer.Config{}), grpc.WithDisableHealthCheck())},
		{"policy's option", balancer.DialOptions(balancer.Config{}, balancer.WithoutHealthCheck())},
		{"no healthCheckConfig", []grpc.DialOption{grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"freshet":{}}]}`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				var w watched
				one := f.start(w.configure, "10.0.0.1:443")
				defer one.stop()
				one.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
				c := f.channel(endpoints("10.0.0.1:443"), tt.opts...)
				defer c.Close()
				if _, err := c.call(t.Context()); err != nil {
					t.Error(err)
				}
				w.want(t, "where nobody asks", 0, 0)
			})
		})
	}
}
