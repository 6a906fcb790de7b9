package balancer_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/callstate"
)

// TestReresolutionKeepsWhatWasLearnt lets the client learn that one server is
// slow, then resolves in another order and with other endpoint attributes. Without
// reports: only the client's own memory can tell.
func TestReresolutionKeepsWhatWasLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, silent)
		defer stopAll(servers)
		servers[0].delay.Store(int64(500 * time.Millisecond))
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 3*time.Second)
		dials, slow := f.dialled(), 0
		for round := range 6 {
			next := endpoints(addrs...)
			slices.Reverse(next.Endpoints)
			for i := range next.Endpoints {
				next.Endpoints[i].Attributes = attributes.New("round", round)
			}
			c.resolver.UpdateState(next)
			synctest.Wait()
			tr := c.drive(100, 300*time.Millisecond)
			slow += tr.by[addrs[0]]
			if tr.errors > 0 {
				t.Errorf("%d calls failed, want 0", tr.errors)
			}
		}
		// A client that had forgotten would try it after each re-resolution.
		if slow > 3 {
			t.Errorf("after 6 re-resolutions %d of 180 calls went to the server known to be slow, want at most 3", slow)
		}
		if got := f.dialled(); got != dials {
			t.Errorf("re-resolution opened %d connections, want 0", got-dials)
		}
	})
}

func TestReconnectKeepsWhatWasLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, silent)
		defer stopAll(servers)
		servers[0].delay.Store(int64(500 * time.Millisecond))
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 3*time.Second)
		<-time.After(time.Second)
		before := servers[0].calls.Load()
		for range 6 {
			servers[0].server.Stop()
			servers[0].run()
			<-time.After(5 * time.Second) // backoff
			c.drive(100, 300*time.Millisecond)
			<-time.After(time.Second)
		}
		// A client that had forgotten would try it after each reconnect.
		if got := servers[0].calls.Load() - before; got > 3 {
			t.Errorf("after 6 reconnects %d of 180 calls went to the server known to be slow, want at most 3", got)
		}
	})
}

func TestRemovedEndpointIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, silent)
		defer stopAll(servers)
		servers[0].delay.Store(int64(500 * time.Millisecond))
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 3*time.Second)
		c.resolver.UpdateState(endpoints(addrs[1:]...))
		if tr := c.drive(100, time.Second); tr.by[addrs[0]] != 0 || tr.errors != 0 {
			t.Errorf("a removed endpoint got %d calls and %d failed, want 0 and 0", tr.by[addrs[0]], tr.errors)
		}
		servers[0].delay.Store(int64(5 * time.Millisecond))
		c.resolver.UpdateState(endpoints(addrs...))
		c.drive(100, 12*time.Second) // slow start
		if got := c.drive(100, 3*time.Second).share(addrs[0]); got < 0.2 {
			t.Errorf("an endpoint that is new again got %.2f of the calls, want 0.2 or more", got)
		}
	})
}

func TestTwoAddressesAreOneEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		dual := f.start(nil, "10.0.0.1:443", "[fd00::1]:443")
		single := f.start(nil, "10.0.0.2:443")
		defer stopAll([]*backend{dual, single})
		c := f.freshet(resolver.State{Endpoints: []resolver.Endpoint{
			{Addresses: []resolver.Address{{Addr: "10.0.0.1:443"}, {Addr: "[fd00::1]:443"}}},
			{Addresses: []resolver.Address{{Addr: "10.0.0.2:443"}}},
		}})
		defer c.Close()
		tr := c.drive(100, 5*time.Second)
		if got := tr.share("10.0.0.1:443"); got < 0.4 || got > 0.6 {
			t.Errorf("the endpoint with two addresses got %.2f of the calls, want about half", got)
		}
		if got := f.dialled(); got != 2 {
			t.Errorf("%d connections were opened, want 2", got)
		}
	})
}

func TestZeroAddressesThenGoodOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		if _, err := c.call(t.Context()); err != nil {
			t.Fatalf("call before: %v", err)
		}
		if err := c.resolver.CC().UpdateState(resolver.State{}); err == nil {
			t.Error("the resolver got no error for an update without addresses")
		}
		synctest.Wait()
		if got := c.GetState(); got != connectivity.TransientFailure {
			t.Errorf("without addresses the channel is %v, want TRANSIENT_FAILURE", got)
		}
		_, err := c.call(t.Context())
		if status.Code(err) != codes.Unavailable || status.Convert(err).Message() == "" {
			t.Errorf("a call without addresses: %v, want UNAVAILABLE with a message", err)
		}
		c.resolver.UpdateState(endpoints(addrs...))
		if _, err := c.call(t.Context(), grpc.WaitForReady(true)); err != nil {
			t.Errorf("a call after addresses came back: %v", err)
		}
	})
}

func TestAllDownThenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(50, time.Second)
		stopAll(servers)
		<-time.After(5 * time.Second)
		_, err := c.call(t.Context())
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "refused") {
			t.Errorf("a call with all servers down: %v, want UNAVAILABLE with the dialler's error", err)
		}

		waited := make(chan error, 1)
		go func() {
			state, err := c.call(context.Background(), grpc.WaitForReady(true))
			if err == nil && (state.Endpoint() == "" || state.Attempts() != 1) {
				t.Errorf("the call that waited went to %q in %d attempts, want an endpoint in 1", state.Endpoint(), state.Attempts())
			}
			waited <- err
		}()
		<-time.After(time.Second)
		for _, s := range servers {
			s.run()
		}
		defer stopAll(servers)
		if err := <-waited; err != nil {
			t.Errorf("a call that waits for a ready endpoint: %v", err)
		}
		<-time.After(2 * time.Minute) // the backoff of either
		if tr := c.drive(50, 5*time.Second); tr.errors > 0 || tr.share(addrs[0]) < 0.3 || tr.share(addrs[1]) < 0.3 {
			t.Errorf("after all came back: %d errors, calls %v, want 0 and about half each", tr.errors, tr.by)
		}
	})
}

func TestOnlyOneReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(nil, "10.0.0.1:443")
		defer one.stop()
		c := f.freshet(endpoints("10.0.0.1:443", "10.0.0.2:443"))
		defer c.Close()
		state, err := c.call(t.Context())
		if err != nil || state.Endpoint() != "10.0.0.1:443" || state.Rule() != callstate.RuleOnly || state.Attempts() != 1 {
			t.Errorf("got endpoint %q by rule %q in %d attempts, error %v; want 10.0.0.1:443, only, 1 and none",
				state.Endpoint(), state.Rule(), state.Attempts(), err)
		}
	})
}
