package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
)

// failEverySecond makes a server fail every second call, so that it never fails in a row.
func failEverySecond(b *backend, on *atomic.Bool) {
	var n atomic.Int64
	b.extra = append(b.extra, grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		if on.Load() && n.Add(1)%2 == 0 {
			return nil, status.Error(codes.Unavailable, "every second one")
		}
		return h(ctx, req)
	}))
}

// spread makes calls with a key each: those go where the key says, as under round_robin, and
// not where the score would. By that alone an endpoint that fails gets too few calls to be judged.
func (c *channel) spread(perSecond int, d time.Duration) *traffic {
	tr := &traffic{by: make(map[string]int)}
	var wg sync.WaitGroup
	gap := time.Second / time.Duration(perSecond)
	for n := range int(d / gap) {
		<-time.After(gap)
		wg.Go(func() {
			ctx, state := callstate.New(context.Background())
			state.SetAffinity(fmt.Sprint(n))
			_, err := c.EmptyCall(ctx, &testpb.Empty{})
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.latencies = append(tr.latencies, 0)
			tr.by[state.Endpoint()]++
			if err != nil {
				tr.errors++
			}
		})
	}
	wg.Wait()
	return tr
}

// explained returns what the only channel thinks of an endpoint, by its first address.
func explained(t *testing.T, addr string) balancer.EndpointSnapshot {
	t.Helper()
	for _, s := range balancer.Snapshots() {
		for _, e := range s.Endpoints {
			if e.Addresses[0] == addr {
				return e
			}
		}
	}
	t.Fatalf("no snapshot has %s", addr)
	return balancer.EndpointSnapshot{}
}

// TestEjectionByFailurePercentage is TestEjectUnejectSuccessRate and
// TestEjectFailureRate: of some servers the first ones fail half of their calls.
func TestEjectionByFailurePercentage(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		servers, failing, ejected int
		config                    balancer.OutlierDetection
	}{
		{"none fails", 5, 0, 0, balancer.OutlierDetection{}},
		{"one of three", 3, 1, 1, balancer.OutlierDetection{MaxEjectionPercent: 10}},
		{"nothing may be ejected", 5, 1, 0, balancer.OutlierDetection{MaxEjectionPercent: balancer.Off}},
		{"the rule is off", 5, 1, 0, balancer.OutlierDetection{FailurePercent: balancer.Off}},
		{"too few calls", 5, 1, 0, balancer.OutlierDetection{RequestVolume: 10000}},
		{"as many as may be", 10, 4, 2, balancer.OutlierDetection{MaxEjectionPercent: 20}},
		{"no more than others", 4, 4, 0, balancer.OutlierDetection{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				var on atomic.Bool
				servers, addrs := f.replicas(tt.servers, func(b *backend) {
					b.silent = true
					if i := len(f.lis); i < tt.failing {
						failEverySecond(b, &on)
					}
				})
				defer stopAll(servers)
				tt.config.BaseEjectionTime, tt.config.MaxEjectionTime = time.Minute, time.Minute
				c := f.configured(balancer.Config{OutlierDetection: tt.config}, endpoints(addrs...))
				defer c.Close()
				c.spread(200, 3*time.Second)
				on.Store(true)
				ejected := func() (n int) {
					for _, a := range addrs {
						if e := explained(t, a); e.Phase == "ejected" {
							n++
							if e.Reason == "" || !e.Until.After(time.Now()) {
								t.Errorf("an ejection is explained as %+v", e)
							}
						}
					}
					return n
				}
				most := 0
				for range 10 {
					c.spread(200, time.Second)
					most = max(most, ejected())
				}
				if most != tt.ejected {
					t.Errorf("%d endpoints were ejected at a time, want %d", most, tt.ejected)
				}
				if most == 0 {
					return
				}
				on.Store(false)
				<-time.After(time.Minute) // of ejection
				c.spread(100, 10*time.Second)
				if got := ejected(); got > 0 {
					t.Errorf("a minute after the failures %d endpoints are ejected, want 0", got)
				}
			})
		})
	}
}

// TestEjectionIsReconfigured is TestNoopConfiguration and the end of
// TestEjectFailureRate: no rule ejects nothing, rules that come later do at once, and
// ejection ends with its rules.
func TestEjectionIsReconfigured(t *testing.T) {
	const off = `{"loadBalancingConfig":[{"freshet":{"outlierDetection":{"maxEjectionPercent":-1}}}]}`
	const on = `{"loadBalancingConfig":[{"freshet":{"outlierDetection":{"baseEjectionTime":"600s","maxEjectionTime":"600s"}}}]}`
	const short = `{"loadBalancingConfig":[{"freshet":{"outlierDetection":{"baseEjectionTime":"1s","maxEjectionTime":"1s"}}}]}`
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, silent)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		reload := func(config string) {
			s := endpoints(addrs...)
			s.ServiceConfig = c.resolver.CC().ParseServiceConfig(config)
			c.resolver.UpdateState(s)
			synctest.Wait()
		}
		c.drive(100, time.Second)
		reload(off)
		servers[0].failWith(codes.Unavailable)
		c.spread(200, 10*time.Second)
		if e := explained(t, addrs[0]); e.Phase != "normal" {
			t.Errorf("without rules an endpoint that fails is %q by %q, want normal", e.Phase, e.Reason)
		}
		reload(on)
		for n := 0; explained(t, addrs[0]).Phase != "ejected"; n++ {
			if n == 60 {
				t.Fatal("a minute after rules came the endpoint that fails is not ejected")
			}
			c.spread(200, time.Second)
		}
		servers[0].fail.Store(nil)
		reload(short)
		c.drive(200, 2*time.Second)
		if e := explained(t, addrs[0]); e.Phase == "ejected" {
			t.Errorf("2 s after ejection became shorter the endpoint is ejected until %v", e.Until)
		}
		reload(off)
		c.drive(200, 30*time.Second)
		if e, tr := explained(t, addrs[0]), c.drive(200, 5*time.Second); tr.share(addrs[0]) < 0.1 {
			t.Errorf("30 s after the rules were gone the endpoint, well again, is %q and got %.3f of the calls, want 0.1 or more", e.Phase, tr.share(addrs[0]))
		}
		if got := f.dialled(); got != len(addrs) {
			t.Errorf("%d connections were opened, want %d", got, len(addrs))
		}
	})
}

// TestReloadsDoNotPostponeJudgement is TestDurationOfInterval: the time since the last
// judgement counts on when rules change, however often they do.
func TestReloadsDoNotPostponeJudgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		var on atomic.Bool
		servers, addrs := f.replicas(5, func(b *backend) {
			b.silent = true
			if len(f.lis) == 0 {
				failEverySecond(b, &on)
			}
		})
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.spread(100, time.Second)
		on.Store(true)
		for n := range 60 {
			s := endpoints(addrs...)
			s.ServiceConfig = c.resolver.CC().ParseServiceConfig(fmt.Sprintf(
				`{"loadBalancingConfig":[{"freshet":{"outlierDetection":{"interval":"1s","failurePercent":%d}}}]}`, 20+n%2))
			c.resolver.UpdateState(s)
			c.spread(200, 500*time.Millisecond)
			if explained(t, addrs[0]).Phase == "ejected" {
				return
			}
		}
		t.Error("with an interval of 1 s, and other rules every 0.5 s, an endpoint that fails half of its calls is not ejected in 30 s")
	})
}

// pairs makes endpoints of two addresses each.
func pairs(addrs ...string) (s resolver.State) {
	for i := 0; i < len(addrs); i += 2 {
		s.Endpoints = append(s.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: addrs[i]}, {Addr: addrs[i+1]}}})
	}
	return s
}

// TestEjectionIsOfTheEndpoint is TestMultipleAddressesPerEndpoint and
// TestEjectionStateResetsWhenEndpointAddressesChange: with another connection to it an
// endpoint stays ejected, with another set of addresses it is another one.
func TestEjectionIsOfTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, silent)
		defer stopAll(servers)
		servers[0].failWith(codes.Unavailable)
		c := f.configured(balancer.Config{OutlierDetection: balancer.OutlierDetection{
			BaseEjectionTime: 2 * time.Minute, MaxEjectionTime: 2 * time.Minute,
		}}, pairs(addrs...))
		defer c.Close()
		c.spread(100, 5*time.Second)
		if e := explained(t, addrs[0]); e.Phase != "ejected" {
			t.Fatalf("an endpoint that fails is explained as %+v, want it ejected", e)
		}
		// Its other address takes over, and that of another endpoint.
		servers[0].stop()
		servers[2].stop()
		<-time.After(time.Second)
		if tr := c.spread(100, 5*time.Second); tr.by[addrs[0]] > 0 || tr.errors > 0 {
			t.Errorf("ejected, the endpoint got %d calls by its second address, and %d calls failed, want 0 and 0", tr.by[addrs[0]], tr.errors)
		}
		if f.dials[addrs[1]] == 0 || servers[3].calls.Load() < 100 {
			t.Errorf("second addresses: %d connections to the ejected one, %d calls to the other, want 1 and 100 or more", f.dials[addrs[1]], servers[3].calls.Load())
		}
		next := pairs(addrs...)
		next.Endpoints[0].Addresses = next.Endpoints[0].Addresses[1:]
		c.resolver.UpdateState(next)
		c.drive(100, 15*time.Second) // slow start
		if tr := c.drive(100, 5*time.Second); tr.share(addrs[1]) < 0.15 || tr.errors > 0 {
			t.Errorf("with other addresses it got %.2f of the calls, and %d failed, want 0.15 or more and 0", tr.share(addrs[1]), tr.errors)
		}
	})
}

// TestEverythingAtATime is TestConcurrentOperations, over real connections: calls,
// updates, errors of the resolver, configurations, connecting, servers that go and come,
// and at last the end of the channel while calls are under way.
func TestEverythingAtATime(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, nil)
		c := f.freshet(endpoints(addrs...))
		c.Connect()
		synctest.Wait() // the resolver is built
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		repeat := func(n int, do func(*rand.Rand)) {
			for i := range n {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(seed, uint64(i)))
					for ctx.Err() == nil {
						do(r)
						<-time.After(time.Duration(r.IntN(int(4 * time.Millisecond))))
					}
				})
			}
		}
		var good atomic.Int64
		repeat(30, func(*rand.Rand) {
			if _, err := c.call(ctx); err == nil {
				good.Add(1)
			}
		})
		repeat(1, func(r *rand.Rand) {
			some := endpoints(addrs[r.IntN(3):]...)
			some.ServiceConfig = c.resolver.CC().ParseServiceConfig(fmt.Sprintf(
				`{"loadBalancingConfig":[{"freshet":{"poolSize":%d,"subset":{"size":%d},"outlierDetection":{"consecutiveFailures":%d}}}]}`,
				1+r.IntN(8), r.IntN(6), 1+r.IntN(9)))
			c.resolver.UpdateState(some)
		})
		repeat(1, func(*rand.Rand) {
			c.resolver.CC().ReportError(errors.New("now and then"))
			c.Connect()
			balancer.Snapshots()
		})
		repeat(1, func(r *rand.Rand) {
			s := servers[r.IntN(3)]
			s.stop()
			s.run()
		})
		<-time.After(time.Second)
		c.Close()
		cancel()
		wg.Wait()
		stopAll(servers)
		if good.Load() < 500 {
			t.Errorf("%d calls ended well, want 500 or more", good.Load())
		}
		synctest.Wait()
		if got := len(balancer.Snapshots()); got > 0 {
			t.Errorf("%d balancers are left, want 0", got)
		}
	})
}
