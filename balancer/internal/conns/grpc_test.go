package conns_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// inNetwork runs a test with three servers and a channel to them.
func inNetwork(t *testing.T, f func(t *testing.T, n *network, servers []*server, c *client), opts ...grpc.DialOption) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var servers []*server
		for _, a := range abc {
			servers = append(servers, n.serve(a, nil))
		}
		c := n.client(endpoints(abc...), opts...)
		defer c.Close()
		if got := c.callAll(t, 1); len(got) != 1 {
			t.Fatalf("calls went to %q", got)
		}
		pass(time.Second)
		if got := c.callAll(t, 9); !slices.Equal(got, abc) {
			t.Fatalf("calls went to %q, want all of %q", got, abc)
		}
		f(t, n, servers, c)
	})
}

var abc = []string{"a:1", "b:1", "c:1"}

// TestAddressesRemoved and those after it do what grpc-go's tests of round_robin do.
func TestAddressesRemoved(t *testing.T) {
	inNetwork(t, func(t *testing.T, _ *network, _ []*server, c *client) {
		c.update([]resolver.Endpoint{})
		c.await(t, connectivity.TransientFailure)
		if _, err := c.call(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "no addresses") {
			t.Errorf("call: %v, want UNAVAILABLE that says why", err)
		}
	})
}

func TestNewAddressWhileBlocking(t *testing.T) {
	inNetwork(t, func(t *testing.T, _ *network, _ []*server, c *client) {
		c.update([]resolver.Endpoint{})
		done := make(chan error)
		go func() {
			_, err := c.call(context.Background(), grpc.WaitForReady(true))
			done <- err
		}()
		synctest.Wait()
		c.update(endpoints("b:1"))
		if err := <-done; err != nil {
			t.Errorf("call: %v", err)
		}
	})
}

func TestOneServerDown(t *testing.T) {
	inNetwork(t, func(t *testing.T, _ *network, servers []*server, c *client) {
		resolves := c.resolves.Load()
		servers[2].stop()
		if got := c.callAll(t, 9); !slices.Equal(got, abc[:2]) {
			t.Errorf("calls went to %q, want %q", got, abc[:2])
		}
		if c.resolves.Load() == resolves {
			t.Error("nobody asked the resolver after the loss of a connection")
		}
	})
}

func TestAllServersDown(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network, servers []*server, c *client) {
		for _, s := range servers {
			s.stop()
		}
		c.await(t, connectivity.TransientFailure)
		if _, err := c.call(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "refused") {
			t.Errorf("call: %v, want UNAVAILABLE with the reason", err)
		}
		n.serve("b:1", nil)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if got, err := c.call(ctx, grpc.WaitForReady(true)); err != nil || got != "b:1" {
			t.Errorf("call: %q, %v; want b:1, which is back", got, err)
		}
	})
}

// TestUpdateAttributes differs from round_robin: attributes of an address wait for
// its next connection.
func TestUpdateAttributes(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network, _ []*server, c *client) {
		es := endpoints("c:1", "b:1", "a:1")
		for i := range es {
			es[i].Attributes = attributes.New(zoneKey{}, "z")
			es[i].Addresses[0].Attributes = attributes.New(zoneKey{}, "z")
		}
		c.update(es)
		if got := c.callAll(t, 9); !slices.Equal(got, abc) {
			t.Errorf("calls went to %q, want %q", got, abc)
		}
		for _, a := range abc {
			if got := n.dialled(a); got != 1 {
				t.Errorf("%s was dialled %d times, want once", a, got)
			}
		}
	})
}

// TestGoAway lets every server in turn go away gracefully, with a call in flight,
// while others are made.
func TestGoAway(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network, servers []*server, c *client) {
		var wg sync.WaitGroup
		for i, s := range servers {
			s.hold = make(chan struct{})
			c.update(endpoints(s.addr))
			wg.Go(func() {
				if got, err := c.call(context.Background()); err != nil || got != s.addr {
					t.Errorf("call in flight at %s: %q, %v", s.addr, got, err)
				}
			})
			synctest.Wait()
			c.update(endpoints(abc...))
			pass(time.Second)
			s.leave()
			n.serve(s.addr, nil)
			dialled := n.dialled(s.addr)
			wg.Go(s.GracefulStop)
			pass(10 * time.Millisecond)
			if got := n.dialled(s.addr) - dialled; got != 1 {
				t.Errorf("%s was dialled %d times after GOAWAY, want once, at once", s.addr, got)
			}
			others := servers[i+1:]
			if got := c.callAll(t, 9); len(got) != 3 {
				t.Errorf("with %s restarted and %d to go, calls went to %q", s.addr, len(others), got)
			}
			close(s.hold)
		}
		wg.Wait()
	})
}

// TestSwitchedOffDrains takes an endpoint away with a call in flight: by attribute,
// and by removal.
func TestSwitchedOffDrains(t *testing.T) {
	off := endpoints(abc...)
	off[0].Attributes = attributes.New(offKey{}, true)
	for name, es := range map[string][]resolver.Endpoint{"switched off": off, "removed": endpoints(abc[1:]...)} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, n *network, servers []*server, c *client) {
				servers[0].hold = make(chan struct{})
				c.update(endpoints("a:1"))
				done := make(chan error)
				go func() {
					_, err := c.call(context.Background())
					done <- err
				}()
				synctest.Wait()
				c.update(endpoints(abc...))
				pass(time.Second)
				c.update(es)
				if got := c.callAll(t, 9); !slices.Equal(got, abc[1:]) {
					t.Errorf("calls went to %q, want %q", got, abc[1:])
				}
				close(servers[0].hold)
				if err := <-done; err != nil {
					t.Errorf("call in flight: %v", err)
				}
				before := n.dialled("a:1")
				pass(time.Minute)
				if got := n.dialled("a:1") - before; got != 0 {
					t.Errorf("a:1 was dialled %d times, want never", got)
				}
				c.update(endpoints(abc...))
				pass(time.Second)
				servers[0].hold = nil
				if got := c.callAll(t, 9); !slices.Equal(got, abc) {
					t.Errorf("calls went to %q, want %q again", got, abc)
				}
			})
		})
	}
}

const healthConfig = `{"loadBalancingConfig":[{"conns_turns":{}}],"healthCheckConfig":{"serviceName":"it"}}`

// TestHealth heeds what each server says of itself; one without health service counts
// as serving.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		h := health.NewServer()
		h.SetServingStatus("it", healthpb.HealthCheckResponse_SERVING)
		unknown := health.NewServer()
		for a, h := range map[string]*health.Server{"a:1": h, "b:1": nil, "c:1": unknown, "d:1": h} {
			n.serve(a, h)
		}
		c := n.client([]resolver.Endpoint{endpoint("a:1"), endpoint("b:1"), endpoint("c:1"), endpoint("d:1", "d:2")},
			grpc.WithDefaultServiceConfig(healthConfig))
		defer c.Close()
		c.Connect()
		pass(time.Second)
		if got, want := c.callAll(t, 12), []string{"a:1", "b:1", "d:1"}; !slices.Equal(got, want) {
			t.Errorf("calls went to %q, want %q", got, want)
		}
		h.SetServingStatus("it", healthpb.HealthCheckResponse_NOT_SERVING)
		pass(time.Second)
		if got, want := c.callAll(t, 9), []string{"b:1"}; !slices.Equal(got, want) {
			t.Errorf("with a and d not serving, calls went to %q, want %q", got, want)
		}
		h.SetServingStatus("it", healthpb.HealthCheckResponse_SERVING)
		unknown.SetServingStatus("it", healthpb.HealthCheckResponse_SERVING)
		pass(time.Second)
		if got, want := c.callAll(t, 12), []string{"a:1", "b:1", "c:1", "d:1"}; !slices.Equal(got, want) {
			t.Errorf("with all serving, calls went to %q, want %q", got, want)
		}
	})
}

// TestAllUnhealthy fails calls with the reason, and recovers.
func TestAllUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		h := health.NewServer()
		h.SetServingStatus("it", healthpb.HealthCheckResponse_NOT_SERVING)
		n.serve("a:1", h)
		c := n.client(endpoints("a:1"), grpc.WithDefaultServiceConfig(healthConfig))
		defer c.Close()
		if _, err := c.call(context.Background()); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "health") {
			t.Errorf("call: %v, want UNAVAILABLE by health", err)
		}
		go func() {
			<-time.After(time.Second)
			h.SetServingStatus("it", healthpb.HealthCheckResponse_SERVING)
		}()
		if _, err := c.call(context.Background(), grpc.WaitForReady(true)); err != nil {
			t.Errorf("call that waits for ready: %v", err)
		}
	})
}

// TestWaitForReadyThroughStatusErrors has a dialer that fails with a status.
func TestWaitForReadyThroughStatusErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		n.refusal = status.Error(codes.PermissionDenied, "no entry")
		c := n.client(endpoints("a:1"))
		defer c.Close()
		if _, err := c.call(context.Background()); status.Code(err) != codes.Unavailable {
			t.Errorf("call: %v, want UNAVAILABLE", err)
		}
		go func() {
			<-time.After(5 * time.Second)
			n.serve("a:1", nil)
		}()
		if _, err := c.call(context.Background(), grpc.WaitForReady(true)); err != nil {
			t.Errorf("call that waits for ready: %v", err)
		}
	})
}

// TestFallbackAddress reaches an endpoint whose first address is dead.
func TestFallbackAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		s := n.serve("b:2", nil)
		c := n.client([]resolver.Endpoint{endpoint("b:1", "b:2")})
		defer c.Close()
		if got := c.callAll(t, 3); !slices.Equal(got, []string{"b:2"}) {
			t.Errorf("calls went to %q, want b:2", got)
		}
		s.stop()
		c.await(t, connectivity.TransientFailure)
		n.serve("b:1", nil)
		if got, err := c.call(context.Background(), grpc.WaitForReady(true)); err != nil || got != "b:1" {
			t.Errorf("call: %q, %v; want b:1", got, err)
		}
	})
}

// TestIdleChannel goes idle, which closes the policy, and comes back.
func TestIdleChannel(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network, _ []*server, c *client) {
		pass(2 * time.Minute)
		c.await(t, connectivity.Idle)
		if _, err := c.call(context.Background()); err != nil {
			t.Errorf("call: %v", err)
		}
		pass(time.Second)
		if got := c.callAll(t, 9); !slices.Equal(got, abc) {
			t.Errorf("calls went to %q, want %q", got, abc)
		}
	}, grpc.WithIdleTimeout(time.Minute))
}

// TestRestartsUnderLoad restarts servers one by one, gracefully, under steady calls:
// none may fail.
func TestRestartsUnderLoad(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network, servers []*server, c *client) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
					if _, err := c.call(context.Background()); err != nil {
						t.Errorf("call: %v", err)
					}
				}
			})
		}
		for i, s := range servers {
			<-time.After(20 * time.Millisecond)
			s.leave()
			s.GracefulStop()
			<-time.After(300 * time.Millisecond)
			servers[i] = n.serve(s.addr, nil)
			<-time.After(2 * time.Second)
		}
		close(stop)
		wg.Wait()
		pass(time.Minute)
		if got := c.callAll(t, 9); !slices.Equal(got, abc) {
			t.Errorf("calls went to %q, want %q", got, abc)
		}
	})
}
