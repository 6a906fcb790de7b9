package balancer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
)

// TestStreamDoesNotStarveItsServer subscribes before anything is known of the
// server that gets the stream: it must get calls while the stream stays open, few
// where the others are idle, since the stream counts as a call in flight.
func TestStreamDoesNotStarveItsServer(t *testing.T) {
	for _, s := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(3, func(b *backend) { b.silent = s })
			defer stopAll(servers)
			c := f.freshet(endpoints(addrs...))
			defer c.Close()
			ctx, cancel := context.WithCancel(t.Context())
			c.Connect()
			synctest.Wait()
			if _, err := c.FullDuplexCall(ctx); err != nil {
				t.Fatal(err)
			}
			tr := c.drive(100, time.Minute)
			for _, a := range addrs {
				if got := tr.by[a]; got < 3 {
					t.Errorf("silent=%v: beside a stream %s got %d of 6000 calls, want 3 or more", s, a, got)
				}
			}
			cancel()
			synctest.Wait()
		})
	}
}

// TestFirstFailureIsForgotten has one server fail its first calls, as one does
// that is still starting, and a client of one call per second.
func TestFirstFailureIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, silent)
		defer stopAll(servers)
		servers[0].failWith(codes.Unavailable)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(1, 10*time.Second)
		servers[0].fail.Store(nil)
		c.drive(1, time.Minute)
		if got := c.drive(1, time.Minute).share(addrs[0]); got < 0.1 {
			t.Errorf("a minute after its recovery the server got %.2f of the calls, want 0.1 or more", got)
		}
	})
}

// TestWithoutEndpoints resolves to nothing, and to endpoints that are nowhere, of
// which pick_first would never stop asking for connections.
func TestWithoutEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(1, silent)
		defer stopAll(servers)
		c := f.freshet(resolver.State{Endpoints: []resolver.Endpoint{{}}})
		defer c.Close()
		want := func(text string) {
			t.Helper()
			if _, err := c.call(t.Context()); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("error %v, want one that says %q", err, text)
			}
		}
		want("the resolver returned no addresses")
		c.resolver.CC().ReportError(errors.New("zone is gone"))
		synctest.Wait()
		want("zone is gone")
		next := endpoints(addrs...)
		next.Endpoints = append(next.Endpoints, resolver.Endpoint{})
		c.resolver.UpdateState(next)
		synctest.Wait()
		if _, err := c.call(t.Context()); err != nil {
			t.Errorf("beside an endpoint without addresses: %v, want none", err)
		}
	})
}
