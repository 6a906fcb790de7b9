package balancer_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	v3orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

// orcaTrailer is where a stock server reports (gRFC A51).
const orcaTrailer = "endpoint-load-metrics-bin"

// says makes a server send trailers of the test's own making with each reply.
func (b *backend) says(pairs ...string) {
	b.silent = true
	b.extra = append(b.extra, grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		if err := grpc.SetTrailer(ctx, metadata.Pairs(pairs...)); err != nil {
			return nil, err
		}
		return h(ctx, req)
	}))
}

// freshetReport is the trailer of a server with four requests in flight of 20 ms, and of
// one that claims to be factor times less busy and faster.
func freshetReport(factor float64) []string {
	return []string{report.Key, string(report.Encode(nil, report.Report{
		InFlight: uint32(4 / factor), Latency: time.Duration(float64(20*time.Millisecond) / factor),
	}))}
}

// orcaReport is that of a stock server with a utilization of 0.5, or less by factor.
func orcaReport(factor float64) []string {
	b, err := proto.Marshal(&v3orcapb.OrcaLoadReport{ApplicationUtilization: 0.5 / factor, RpsFractional: 100})
	if err != nil {
		panic(err)
	}
	return []string{orcaTrailer, string(b)}
}

const wrrConfig = `{"loadBalancingConfig":[{"weighted_round_robin":{"blackoutPeriod":"0s","weightUpdatePeriod":"0.1s"}}]}`

// TestOneOfAHundredAttractsNothing has one of 100 servers lie, its utilization 1000
// times too low, or fail in 0.1 ms. A second later it may get 2 % of the calls at most.
// Beside it, weighted_round_robin shows that the lie is one.
func TestOneOfAHundredAttractsNothing(t *testing.T) {
	const liar = 17
	for _, tt := range []struct {
		name  string
		setup func(b *backend, lies bool)
		fails bool
		wrr   float64 // the least share that weighted_round_robin gives it; 0: not compared
	}{
		{"report of freshet lies", func(b *backend, lies bool) { b.says(freshetReport(factor(lies))...) }, false, 0},
		{"report of ORCA lies", func(b *backend, lies bool) { b.says(orcaReport(factor(lies))...) }, false, 0.8},
		{"fails at once, others report", nil, true, 0},
		{"fails at once, none reports", func(b *backend, _ bool) { b.silent = true }, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				var servers []*backend
				var addrs []string
				for i := range 100 {
					addrs = append(addrs, fmt.Sprintf("10.0.0.%d:443", i+1))
					servers = append(servers, f.start(func(b *backend) {
						b.delay.Store(int64(20 * time.Millisecond))
						if tt.setup != nil {
							tt.setup(b, i == liar)
						}
					}, addrs[i]))
				}
				defer stopAll(servers)
				if tt.fails {
					servers[liar].failAfter(100*time.Microsecond, codes.Unavailable)
				}
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.Connect()
				<-time.After(100 * time.Millisecond)
				c.drive(1000, time.Second)
				for second := range 5 {
					if got := c.drive(1000, time.Second).share(addrs[liar]); got > 0.02 {
						t.Errorf("in second %d it got %.4f of the calls, want at most 0.02", second+2, got)
					}
				}
				if tt.wrr == 0 {
					return
				}
				w := f.channel(endpoints(addrs...), grpc.WithDefaultServiceConfig(wrrConfig))
				defer w.Close()
				w.drive(1000, time.Second)
				before := servers[liar].calls.Load()
				w.drive(1000, time.Second)
				got := float64(servers[liar].calls.Load()-before) / 1000
				t.Logf("weighted_round_robin gives it %.3f of the calls", got)
				if got < tt.wrr {
					t.Errorf("weighted_round_robin gives it %.3f of the calls, want %.1f or more: the lie is none", got, tt.wrr)
				}
			})
		})
	}
}

func factor(lies bool) float64 {
	if lies {
		return 1000
	}
	return 1
}
