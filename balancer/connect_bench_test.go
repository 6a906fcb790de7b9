package balancer_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/test/bufconn"
)

// arrivals counts a server's connections.
type arrivals struct{ n atomic.Int64 }

func (*arrivals) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (*arrivals) HandleRPC(context.Context, stats.RPCStats) {}

func (*arrivals) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (a *arrivals) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, begins := s.(*stats.ConnBegin); begins {
		a.n.Add(1)
	}
}

// connect brings up a channel to n endpoints over connections, all of one server, and returns
// the CPU time of the process until all are there and nothing happens any more: that of
// both ends of n connections, and the policy's.
func (s start) connect(b *testing.B, n int) (used time.Duration, connections int) {
	b.Helper()
	lis := bufconn.Listen(1 << 12)
	var seen arrivals
	server := grpc.NewServer(grpc.StatsHandler(&seen))
	go server.Serve(lis)
	defer server.Stop()
	r := manual.NewBuilderWithScheme("fleet")
	r.InitialState(s.endpoints(n))
	before := settled(b, func() bool { return true })
	cc, err := grpc.NewClient("fleet:///service", grpc.WithResolvers(r),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:%s}]}`, s.policy, s.config)))
	if err != nil {
		b.Fatal(err)
	}
	defer cc.Close()
	cc.Connect()
	return settled(b, func() bool { return seen.n.Load() >= int64(n) }) - before, int(seen.n.Load())
}

// settled waits until there is what is waited for, and then until the process does nothing, and
// returns the CPU time that it has used.
func settled(b *testing.B, there func() bool) time.Duration {
	b.Helper()
	last := cpu(b)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		<-time.After(50 * time.Millisecond)
		now := cpu(b)
		if there() && now-last < 2*time.Millisecond {
			return now
		}
		last = now
	}
	b.Fatal("after 30 s endpoints are missing, or something goes on")
	return 0
}

// BenchmarkConnect is BenchmarkStart over connections in memory: what is left of a policy's
// cost beside that of gRPC's own transports. Where many connect at once, pick_first tries the
// second address of those that take more than 250 ms (RFC 8305), too.
func BenchmarkConnect(b *testing.B) {
	var over []start
	for _, s := range starts {
		if s.policy != "" && s.pause == 0 {
			over = append(over, s)
		}
	}
	over = append(over, start{"round_robin", roundrobin.Name, `{}`, 1, 0})
	for _, n := range []int{100, 1000, 3000} {
		b.Run(fmt.Sprintf("endpoints=%d", n), func(b *testing.B) { inTurns(b, over, n, start.connect, "connections") })
	}
}
