package balancer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

func TestFailingEndpointIsEjectedAndReturns(t *testing.T) {
	for _, s := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t)
			servers, addrs := f.replicas(5, func(b *backend) { b.silent = s })
			defer stopAll(servers)
			c := f.freshet(endpoints(addrs...))
			defer c.Close()
			c.drive(100, 2*time.Second)
			servers[0].failWith(codes.Unavailable)
			c.drive(200, 2*time.Second)
			tr := c.drive(200, 10*time.Second)
			if got := tr.share(addrs[0]); got > 0.01 {
				t.Errorf("silent=%v: an endpoint that fails got %.4f of the calls, want at most 0.01", s, got)
			}
			servers[0].fail.Store(nil)
			c.drive(40, 70*time.Second) // ejection, probation and return
			if got := c.drive(200, 5*time.Second).share(addrs[0]); got < 0.12 {
				t.Errorf("silent=%v: well again, it got %.3f of the calls, want 0.12 or more", s, got)
			}
		})
	}
}

// TestAllFailing has every server fail: there is no better one to send calls to, and as
// soon as one is well it must be found.
func TestAllFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 2*time.Second)
		for _, s := range servers {
			s.failWith(codes.Unavailable)
		}
		tr := c.drive(100, 10*time.Second)
		for _, a := range addrs {
			if got := tr.share(a); got < 0.1 {
				t.Errorf("%s got %.2f of the calls while all fail, want 0.1 or more", a, got)
			}
		}
		servers[2].fail.Store(nil)
		c.drive(100, 5*time.Second)
		if tr := c.drive(100, 10*time.Second); float64(tr.errors) > 0.2*float64(len(tr.latencies)) {
			t.Errorf("with one server well again %d of %d calls failed, want at most a fifth", tr.errors, len(tr.latencies))
		}
	})
}

// TestStrain has most servers fail: whoever makes the calls is told that choosing does not
// help, and only then.
func TestStrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		strained := func() bool {
			c.drive(100, 10*time.Second)
			state, _ := c.call(t.Context())
			return state.Strained()
		}
		if strained() {
			t.Error("strained while all are well")
		}
		servers[0].failWith(codes.Unavailable)
		if strained() {
			t.Error("strained while one of four fails")
		}
		for _, s := range servers[1:] {
			s.failWith(codes.Unavailable)
		}
		if !strained() {
			t.Error("not strained while all fail")
		}
	})
}

// A retry that finds only the endpoint that it would avoid is no sign of strain.
func TestARetryIsNoStrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(1, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		ctx, state := callstate.New(t.Context())
		for range 2 {
			if _, err := c.EmptyCall(ctx, &testpb.Empty{}); err != nil {
				t.Fatal(err)
			}
			state.Reject()
		}
		if state.Strained() {
			t.Error("strained by a second attempt where there is one endpoint")
		}
	})
}

// Where every server says that it is overloaded, of whatever tier, calls are told so. One that is not
// makes a choice.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		strained := func() bool {
			c.drive(100, 2*time.Second)
			state, _ := c.call(t.Context())
			return state.Strained()
		}
		for i, s := range servers {
			if strained() {
				t.Errorf("strained while %d of four are overloaded", i)
			}
			s.reporter.SetUtilization([]string{"cpu", "db_write"}[i%2], 1)
		}
		if !strained() {
			t.Error("not strained while all are overloaded")
		}
		for _, a := range addrs {
			if !explained(t, a).Overloaded {
				t.Errorf("%s is not explained as overloaded", a)
			}
		}
		servers[2].reporter.SetUtilization("cpu", 0.5)
		if strained() {
			t.Error("strained while one of four is well")
		}
		servers[2].reporter.Drain()
		if !strained() {
			t.Error("not strained while one of four drains and the others are overloaded")
		}
	})
}

func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs[:3]...))
		defer c.Close()
		if tr := c.drive(200, 2*time.Second); tr.share(addrs[0]) < 0.2 {
			t.Errorf("a fleet that was there first is not used evenly: %v", tr.by)
		}
		c.resolver.UpdateState(endpoints(addrs...))
		<-time.After(100 * time.Millisecond)
		if got := c.drive(300, 2*time.Second).share(addrs[3]); got < 0.01 || got > 0.1 {
			t.Errorf("in its first 2 s a new endpoint got %.3f of the calls, want 0.01 to 0.1", got)
		}
		c.drive(300, 11*time.Second)
		if got := c.drive(300, 4*time.Second).share(addrs[3]); got < 0.18 {
			t.Errorf("after the slow start it got %.3f of the calls, want 0.18 or more", got)
		}
	})
}

func TestSlowStartCanBeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		defer stopAll(servers)
		c := f.configured(balancer.Config{SlowStart: balancer.SlowStart{Window: -1 * time.Second}}, endpoints(addrs[:3]...))
		defer c.Close()
		c.drive(200, 2*time.Second)
		c.resolver.UpdateState(endpoints(addrs...))
		<-time.After(100 * time.Millisecond)
		if got := c.drive(300, 2*time.Second).share(addrs[3]); got < 0.18 {
			t.Errorf("in its first 2 s a new endpoint got %.3f of the calls, want 0.18 or more", got)
		}
	})
}

// TestDraining has a server that says it drains, in one of three ways, under load.
func TestDraining(t *testing.T) {
	for _, tt := range []struct {
		name  string
		drain func(*channel, *backend, []string)
	}{
		{"report", func(_ *channel, b *backend, _ []string) { b.reporter.Drain() }},
		{"resolver", func(c *channel, _ *backend, addrs []string) {
			c.resolver.UpdateState(described(endpoints(addrs...), func(i int) endpoint.Info { return endpoint.Info{Draining: i == 0} }))
		}},
		{"GOAWAY", func(_ *channel, b *backend, _ []string) {
			b.refuse()
			go b.server.GracefulStop()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(3, nil)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(300, 2*time.Second)
				tt.drain(c, servers[0], addrs)
				first := c.drive(300, time.Second)
				tr := c.drive(300, 5*time.Second)
				if tr.errors+first.errors > 0 {
					t.Errorf("%d calls failed, want 0", tr.errors+first.errors)
				}
				// It must be asked at least once to be heard.
				if first.by[addrs[0]] > 20 || tr.by[addrs[0]] > 5 {
					t.Errorf("it got %d calls in the first second and then %d, want at most 20 and 5", first.by[addrs[0]], tr.by[addrs[0]])
				}
			})
		})
	}
}

func TestAllDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, time.Second)
		for _, s := range servers {
			s.reporter.Drain()
		}
		if tr := c.drive(100, 5*time.Second); tr.errors > 0 || len(tr.by) < 3 {
			t.Errorf("all draining: %d calls failed, used were %v, want 0 and all", tr.errors, tr.by)
		}
	})
}
