package balancer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
)

// held opens n streams, one every 10 ms, and leaves them open until ctx ends. They are
// read from: gRPC tells of a stream's end no sooner than its reader hears of it.
func (c *channel) held(t *testing.T, ctx context.Context, n int) (by map[string]int) {
	t.Helper()
	by = make(map[string]int)
	for range n {
		<-time.After(10 * time.Millisecond)
		s := c.stream(t, ctx)
		by[s.endpoint]++
		go s.Recv()
	}
	return by
}

// inFlight is what the policy counts at an endpoint.
func inFlight(t *testing.T, addr string) int {
	t.Helper()
	return int(explained(t, addr).InFlight)
}

// TestStreamsGoWhereFewestAre is TestLeastRequestE2E and TestLeastRequestPersistsCounts, with
// servers that report and with such that do not. The counts must be exact, and survive that
// there are more endpoints. At worst the choice is that of two random ones: two of three streams.
func TestStreamsGoWhereFewestAre(t *testing.T) {
	for _, s := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(3, func(b *backend) { b.silent = s })
			defer stopAll(servers)
			c := f.configured(balancer.Config{SlowStart: balancer.SlowStart{Window: -time.Second}}, endpoints(addrs[:2]...))
			defer c.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.Connect()
			<-time.After(time.Second)
			c.drive(100, time.Second) // a stream alone teaches nothing
			by := c.held(t, ctx, 200)
			for _, a := range addrs[:2] {
				if by[a] < 80 || inFlight(t, a) != by[a] {
					t.Errorf("silent=%v: %s has %d of 200 streams, and %d by its count, want 80 or more and the same", s, a, by[a], inFlight(t, a))
				}
			}
			c.resolver.UpdateState(endpoints(addrs...))
			<-time.After(100 * time.Millisecond)
			for _, a := range addrs[:2] {
				if inFlight(t, a) != by[a] {
					t.Errorf("silent=%v: beside a third endpoint %s has %d streams by its count, want %d", s, a, inFlight(t, a), by[a])
				}
			}
			if got := c.held(t, ctx, 100)[addrs[2]]; got < 50 {
				t.Errorf("silent=%v: of 100 more streams %d went to the one that has none, want 50 or more", s, got)
			}
			cancel()
			synctest.Wait()
			for _, a := range addrs {
				if got := inFlight(t, a); got != 0 {
					t.Errorf("silent=%v: %s has %d streams by its count when all have ended, want 0", s, a, got)
				}
			}
		})
	}
}

// TestHundredCallsAtOnce is TestConcurrentRPCs.
func TestHundredCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 5 {
					if _, err := c.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, a := range addrs {
			if got := inFlight(t, a); got != 0 {
				t.Errorf("%s has %d calls by its count when all have ended, want 0", a, got)
			}
		}
	})
}

// TestCountsAreOfTheEndpoint is TestLeastRequestEndpoints_MultipleAddresses: endpoints have
// two addresses each. Where the one in use goes away the other takes over, and
// counts follow, those of streams that ended with the connection included.
func TestCountsAreOfTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, nil)
		defer stopAll(servers)
		c := f.configured(balancer.Config{SlowStart: balancer.SlowStart{Window: -time.Second}}, pairs(addrs[:4]...))
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.drive(100, time.Second)
		servers[0].stop()
		<-time.After(time.Second)
		before := servers[1].calls.Load()
		if tr := c.drive(100, 3*time.Second); tr.errors > 0 || tr.share(addrs[0]) < 0.35 || tr.share(addrs[2]) < 0.35 || servers[1].calls.Load() == before {
			t.Errorf("with the second address of one, endpoints got %v, and %d failed, want about half each and 0", tr.by, tr.errors)
		}
		by := c.held(t, ctx, 200)
		c.resolver.UpdateState(pairs(addrs...))
		<-time.After(100 * time.Millisecond)
		if got := c.held(t, ctx, 20)[addrs[4]]; got < 7 {
			t.Errorf("of 20 streams %d went to a third endpoint, beside two with %v, want 7 or more", got, by)
		}
		servers[2].stop()
		servers[4].stop()
		<-time.After(time.Second)
		for _, a := range []string{addrs[2], addrs[4]} {
			if got := inFlight(t, a); got != 0 {
				t.Errorf("%s has %d streams by its count when its connection is gone, want 0", a, got)
			}
		}
		c.drive(100, 40*time.Second) // the end of streams with their connection is a failure
		tr := c.drive(100, 3*time.Second)
		if tr.errors > 0 || tr.share(addrs[2]) < 0.2 || tr.share(addrs[4]) < 0.2 {
			t.Errorf("on second addresses, endpoints without streams got %.2f and %.2f of the calls, and %d failed, want 0.2 or more each and 0",
				tr.share(addrs[2]), tr.share(addrs[4]), tr.errors)
		}
	})
}

// TestResolverErrorIsShown is TestLeastRequestEndpoints_ResolverError: where no endpoint is
// ready, calls say what the resolver has said.
func TestResolverErrorIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		c := f.freshet(endpoints("10.9.0.1:443"))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		if got := c.GetState(); got != connectivity.TransientFailure {
			t.Fatalf("the channel is %v, want TRANSIENT_FAILURE", got)
		}
		c.resolver.CC().ReportError(errors.New("the name service is out"))
		synctest.Wait()
		_, err := c.call(t.Context())
		for _, want := range []string{"the name service is out", "10.9.0.1:443", "refused"} {
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), want) {
				t.Errorf("a call ended with %v, want UNAVAILABLE that says %q", err, want)
			}
		}
	})
}
