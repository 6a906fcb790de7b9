package balancer_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/callstate"
)

// stock is what a server that knows nothing of freshet says of itself, by gRPC's own
// package orca: with each response (gRFC A51), when it is asked, or both.
type stock struct{ perCall, outOfBand orca.ServerMetricsRecorder }

// stockServers starts n of them.
func (f *fleet) stockServers(n int, perCall, outOfBand bool) (said []stock, servers []*backend, addrs []string) {
	servers, addrs = f.replicas(n, func(b *backend) {
		b.silent = true
		s := stock{orca.NewServerMetricsRecorder(), orca.NewServerMetricsRecorder()}
		said = append(said, s)
		if perCall {
			b.extra = append(b.extra, orca.CallMetricsServerOption(s.perCall), grpc.ChainUnaryInterceptor(reporting))
		}
		if outOfBand {
			b.services = func(g *grpc.Server) {
				if err := orca.Register(g, orca.ServiceOptions{ServerMetricsProvider: s.outOfBand}); err != nil {
					f.t.Error(err)
				}
			}
		}
	})
	return said, servers, addrs
}

// reporting is what a handler must do for the package to report at all.
func reporting(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	orca.CallMetricsRecorderFromContext(ctx)
	return h(ctx, req)
}

// load makes the server say that it is busy by a utilization, at a rate of requests.
func (s stock) load(qps, utilization float64) {
	for _, r := range []orca.ServerMetricsRecorder{s.perCall, s.outOfBand} {
		r.SetQPS(qps)
		r.SetApplicationUtilization(utilization)
	}
}

// busy and idle are utilizations whose ratio is below that at which the policy doubts a server
// that is no faster than the others: weighted_round_robin believes any.
const busy, idle = 0.7, 0.1

// prefers fails unless the server that is idle gets nearly all calls.
func prefers(t *testing.T, tr *traffic, addr string) {
	t.Helper()
	if tr.errors > 0 {
		t.Errorf("%d calls failed, want 0", tr.errors)
	}
	// By weighted_round_robin it were 7 in 8.
	if got := tr.share(addr); got < 0.85 {
		t.Errorf("%s, which is idle, got %.3f of the calls, want 0.85 or more", addr, got)
	}
}

// TestStockReportsOfOneServer is TestBalancer_OneAddress: whatever one server says, it
// gets all calls.
func TestStockReportsOfOneServer(t *testing.T) {
	for _, tt := range []struct {
		name               string
		perCall, outOfBand bool
	}{{"none", false, false}, {"with calls", true, false}, {"out of band", false, true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				said, servers, addrs := f.stockServers(1, tt.perCall, tt.outOfBand)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				for i := range 100 {
					said[0].load(float64(i), float64(i)/50)
					if state, err := c.call(t.Context()); err != nil || state.Rule() != callstate.RuleOnly {
						t.Fatalf("call %d ended with %v, picked by rule %q, want none and only", i, err, state.Rule())
					}
				}
			})
		})
	}
}

// TestStockUtilizationIsHeeded is TestBalancer_TwoAddresses_ReportingEnabledPerCall,
// …OOB and …UpdateLoads: of two servers of equal latency one says that it is ten times
// as busy, and later the other.
func TestStockUtilizationIsHeeded(t *testing.T) {
	app := func(r orca.ServerMetricsRecorder, u float64) { r.SetApplicationUtilization(u) }
	for _, tt := range []struct {
		name               string
		perCall, outOfBand bool
		set                func(orca.ServerMetricsRecorder, float64)
	}{
		{"application, with calls", true, false, app},
		{"application, out of band", false, true, app},
		{"CPU, with calls", true, false, func(r orca.ServerMetricsRecorder, u float64) { r.SetCPUUtilization(u) }},
		{"CPU, out of band", false, true, func(r orca.ServerMetricsRecorder, u float64) { r.SetCPUUtilization(u) }},
		{"application hides CPU", true, false, func(r orca.ServerMetricsRecorder, u float64) {
			r.SetApplicationUtilization(u)
			r.SetCPUUtilization(2)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				said, servers, addrs := f.stockServers(2, tt.perCall, tt.outOfBand)
				defer stopAll(servers)
				say := func(i int, utilization float64) {
					said[i].perCall.SetQPS(10)
					said[i].outOfBand.SetQPS(10)
					tt.set(said[i].perCall, utilization)
					tt.set(said[i].outOfBand, utilization)
				}
				say(0, busy)
				say(1, idle)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(100, 2*time.Second)
				prefers(t, c.drive(100, 5*time.Second), addrs[1])
				say(0, idle)
				say(1, busy)
				c.drive(100, 10*time.Second)
				prefers(t, c.drive(100, 5*time.Second), addrs[0])
			})
		})
	}
}

// TestStockReportsMoveToCalls is TestBalancer_TwoAddresses_OOBThenPerCall: servers that
// have reported out of band go over to reports with calls, which say the opposite.
func TestStockReportsMoveToCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(2, true, true)
		defer stopAll(servers)
		for i, u := range []float64{busy, idle} {
			said[i].outOfBand.SetQPS(10)
			said[i].outOfBand.SetApplicationUtilization(u)
		}
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 2*time.Second)
		prefers(t, c.drive(100, 5*time.Second), addrs[1])
		for i, u := range []float64{idle, busy} {
			said[i].outOfBand.DeleteQPS()
			said[i].outOfBand.DeleteApplicationUtilization()
			said[i].perCall.SetQPS(10)
			said[i].perCall.SetApplicationUtilization(u)
		}
		c.drive(100, 10*time.Second)
		prefers(t, c.drive(100, 5*time.Second), addrs[0])
	})
}

// TestFirstReportsAttractLittle is what TestBalancer_TwoAddresses_BlackoutPeriod is for. There the first
// reports of a server are not heeded for a while. Here they are, but a new server
// that says it is idle gets no more than its slow start allows.
func TestFirstReportsAttractLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(4, true, false)
		defer stopAll(servers)
		for _, s := range said {
			s.load(10, busy)
		}
		said[3].load(10, idle)
		c := f.freshet(endpoints(addrs[:3]...))
		defer c.Close()
		c.drive(200, 15*time.Second)
		c.resolver.UpdateState(endpoints(addrs...))
		if got := c.drive(200, 2*time.Second).share(addrs[3]); got == 0 || got > 0.25 {
			t.Errorf("in its first 2 s the server that says it is idle got %.3f of the calls, want some, and 0.25 or less", got)
		}
		c.drive(200, 13*time.Second)
		if got := c.drive(200, 5*time.Second).share(addrs[3]); got < 0.5 {
			t.Errorf("after its slow start it got %.3f of the calls, want 0.5 or more", got)
		}
	})
}

// TestStockErrorsCount is TestBalancer_TwoAddresses_ErrorPenalty, of which freshet has
// the default of A58: of two servers that are equally busy one says that it fails.
func TestStockErrorsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(2, true, false)
		defer stopAll(servers)
		for _, s := range said {
			s.load(10, 0.5)
		}
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 2*time.Second)
		for i, tr := 0, c.drive(100, 5*time.Second); i < 2; i++ {
			if got := tr.share(addrs[i]); got < 0.35 {
				t.Errorf("equally busy, %s got %.2f of the calls, want 0.35 or more", addrs[i], got)
			}
		}
		said[1].perCall.SetEPS(10)
		c.drive(100, 2*time.Second)
		prefers(t, c.drive(100, 5*time.Second), addrs[0])
	})
}

// TestStockReportsExpire is TestBalancer_TwoAddresses_WeightExpiration: servers that
// stop reporting are not judged for ever by what they said last.
func TestStockReportsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(2, true, false)
		defer stopAll(servers)
		said[0].load(10, busy)
		said[1].load(10, idle)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, 2*time.Second)
		prefers(t, c.drive(100, 5*time.Second), addrs[1])
		for _, s := range said {
			s.perCall.DeleteQPS()
			s.perCall.DeleteApplicationUtilization()
		}
		c.drive(20, 3*time.Minute) // A58's weight_expiration_period
		c.drive(100, time.Minute)
		tr := c.drive(100, 10*time.Second)
		for _, a := range addrs {
			if got := tr.share(a); got < 0.3 {
				t.Errorf("4 min after the last report %s got %.2f of the calls, want 0.3 or more", a, got)
			}
		}
	})
}

// TestStockServersOfTwoAddresses is TestEndpoints_MultipleAddresses: the first address
// of each endpoint is nowhere.
func TestStockServersOfTwoAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(2, true, false)
		defer stopAll(servers)
		said[0].load(10, idle)
		said[1].load(10, busy)
		var state resolver.State
		for i, bad := range []string{"10.9.0.1:443", "10.9.0.2:443"} {
			state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: bad}, {Addr: addrs[i]}}})
		}
		c := f.freshet(state)
		defer c.Close()
		c.drive(100, 3*time.Second)
		prefers(t, c.drive(100, 5*time.Second), "10.9.0.1:443")
	})
}

// TestEndpointsShareAnAddress is TestEndpoints_SharedAddress: which of them serves is
// undefined, but calls do not fail.
func TestEndpointsShareAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		one := f.start(nil, "10.0.0.1:443")
		defer one.stop()
		state := endpoints("10.0.0.1:443", "10.0.0.1:443")
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: "10.0.0.1:443"}, {Addr: "10.9.0.1:443"}}})
		c := f.freshet(state)
		defer c.Close()
		if tr := c.drive(100, 2*time.Second); tr.errors > 0 {
			t.Errorf("%d calls failed, want 0", tr.errors)
		}
	})
}

// TestStockServersComeAndGo is TestBalancer_AddressesChanging.
func TestStockServersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		said, servers, addrs := f.stockServers(4, true, true)
		defer func() { stopAll(servers) }()
		said[0].load(10, busy)
		said[1].load(10, 0.14)
		said[2].load(20, busy)
		said[3].load(20, 0.2)
		c := f.freshet(endpoints(addrs[:3]...))
		defer c.Close()
		step := func(name string, want ...int) {
			t.Helper()
			c.drive(100, 13*time.Second) // slow start
			tr := c.drive(100, 10*time.Second)
			if tr.errors > 0 {
				t.Errorf("%s: %d calls failed, want 0", name, tr.errors)
			}
			for i, a := range addrs {
				if tr.by[a] > 0 && !slices.Contains(want, i) {
					t.Errorf("%s: server %d, which is gone, got %d calls", name, i, tr.by[a])
				}
			}
			// The first of want is the idlest that is there.
			if got := tr.share(addrs[want[0]]); got < 0.6 {
				t.Errorf("%s: server %d, the idlest, got %.2f of the calls, want 0.6 or more", name, want[0], got)
			}
		}
		step("three", 1, 0, 2)
		c.resolver.UpdateState(endpoints(addrs...))
		step("a fourth", 3, 0, 1, 2)
		servers[2].stop()
		step("the third is down", 3, 0, 1)
		c.resolver.UpdateState(endpoints(addrs[0], addrs[3]))
		step("two are gone", 3, 0)
		c.resolver.UpdateState(endpoints(addrs[1]))
		step("one is back, alone", 1)
	})
}
