package balancer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	v3orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	grpcbalancer "google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"

	"github.com/freshet-io/freshet/balancer"
)

// policies are those that are compared, with the end of a call as each wants it.
var policies = []struct {
	name, config string
	end          grpcbalancer.DoneInfo
}{
	{"weighted_round_robin", `{"blackoutPeriod":"0s"}`, grpcbalancer.DoneInfo{
		BytesSent: true, BytesReceived: true, ServerLoad: &v3orcapb.OrcaLoadReport{RpsFractional: 100, ApplicationUtilization: 0.5},
	}},
	{"least_request_experimental", `{}`, grpcbalancer.DoneInfo{BytesSent: true, BytesReceived: true}},
	{balancer.Name, `{}`, ok("\x12\x03\x80\xc2\xd7\x2f")},
}

// pickers builds every policy over n endpoints that are ready.
func pickers(b testing.TB, n int) []*fakeCC {
	var addrs []string
	for i := range n {
		addrs = append(addrs, fmt.Sprintf("10.0.%d.%d:443", i/250, i%250))
	}
	var all []*fakeCC
	for _, p := range policies {
		builder := grpcbalancer.Get(p.name)
		config, err := builder.(grpcbalancer.ConfigParser).ParseConfig([]byte(p.config))
		if err != nil {
			b.Fatal(err)
		}
		cc := &fakeCC{published: make(chan struct{}, 1)}
		lb := builder.Build(cc, grpcbalancer.BuildOptions{})
		b.Cleanup(lb.Close)
		if err := lb.UpdateClientConnState(grpcbalancer.ClientConnState{ResolverState: endpoints(addrs...), BalancerConfig: config}); err != nil {
			b.Fatal(err)
		}
		all = append(all, cc)
	}
	for i, cc := range all {
		for !spreads(cc.picker(), n) {
			select {
			case <-cc.published:
			case <-time.After(time.Minute):
				b.Fatalf("%s does not use all of %d endpoints", policies[i].name, n)
			}
		}
	}
	return all
}

// spreads reports whether a picker uses all of n endpoints: many calls at once go to
// each of them.
func spreads(p grpcbalancer.Picker, n int) bool {
	if p == nil {
		return false
	}
	used := map[grpcbalancer.SubConn]bool{}
	for range 50 * n {
		r, err := p.Pick(grpcbalancer.PickInfo{Ctx: context.Background()})
		if err != nil {
			return false
		}
		used[r.SubConn] = true
		defer r.Done(grpcbalancer.DoneInfo{}) // as for a pick that was not used, of which nothing is learnt
	}
	return len(used) == n
}

// BenchmarkPickAndDone compares the cost of a pick and its end with that of gRPC's
// policies, in slices that take turns, and reports each as a multiple of
// weighted_round_robin's: median and quartiles of the rounds.
func BenchmarkPickAndDone(b *testing.B) {
	for _, goroutines := range []int{1, 2} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("goroutines=%d/endpoints=%d", goroutines, n), func(b *testing.B) {
				ccs := pickers(b, n)
				const rounds, calls = 60, 20_000
				ratios := make([][]float64, len(policies))
				var nanos [3][]float64
				for round := range rounds {
					var took [3]time.Duration
					for k := range policies {
						i := (k + round) % len(policies)
						took[i] = slice(ccs[i].picker(), policies[i].end, goroutines, calls)
					}
					for i := range policies {
						ratios[i] = append(ratios[i], float64(took[i])/float64(took[0]))
						nanos[i] = append(nanos[i], float64(took[i])/calls)
					}
				}
				for i, p := range policies {
					slices.Sort(ratios[i])
					slices.Sort(nanos[i])
					b.Logf("%-28s %6.0f ns, %.2f (%.2f-%.2f) of weighted_round_robin's", p.name,
						nanos[i][rounds/2], ratios[i][rounds/2], ratios[i][rounds/4], ratios[i][rounds*3/4])
				}
				b.ReportMetric(ratios[2][rounds/2], "of-wrr")
			})
		}
	}
}

// slice times calls picks and ends.
func slice(p grpcbalancer.Picker, end grpcbalancer.DoneInfo, goroutines, calls int) time.Duration {
	info := grpcbalancer.PickInfo{Ctx: context.Background()}
	start := time.Now()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range calls / goroutines {
				if r, err := p.Pick(info); err == nil {
					r.Done(end)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
