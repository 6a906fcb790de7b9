package resolvertest

import (
	"context"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
)

// RoundRobin is a service config with that policy.
const RoundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// Fleet is a set of servers in memory, each at the address by which it is
// dialled.
type Fleet map[string]*bufconn.Listener

// NewFleet starts a server for each address. Each answers with its address in
// the header "server" and with the :authority it was called by.
func NewFleet(t *testing.T, addresses ...string) Fleet {
	t.Helper()
	f := Fleet{}
	for _, address := range addresses {
		l := bufconn.Listen(1 << 16)
		f[address] = l
		s := grpc.NewServer(grpc.UnaryInterceptor(
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				if err := grpc.SetHeader(ctx, metadata.Pairs("server", address, "authority", md.Get(":authority")[0])); err != nil {
					return nil, err
				}
				return next(ctx, req)
			}))
		healthpb.RegisterHealthServer(s, health.NewServer())
		go func() { _ = s.Serve(l) }()
		t.Cleanup(s.Stop)
	}
	return f
}

// Dial connects to a server of the fleet.
func (f Fleet) Dial(ctx context.Context, address string) (net.Conn, error) {
	l, ok := f[address]
	if !ok {
		return nil, fmt.Errorf("nobody is at %s", address)
	}
	return l.DialContext(ctx)
}

// Connect returns a channel that dials the fleet, with round_robin unless an
// option says otherwise.
func (f Fleet) Connect(t *testing.T, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithContextDialer(f.Dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(RoundRobin),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	cc.Connect()
	return cc
}

// Call returns which server answered, and by what :authority it was called.
func Call(ctx context.Context, cc *grpc.ClientConn, opts ...grpc.CallOption) (server, authority string, err error) {
	var header metadata.MD
	_, err = healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Header(&header))...)
	if err != nil {
		return "", "", err
	}
	return header.Get("server")[0], header.Get("authority")[0], nil
}

// Count calls n times and returns the calls by server. A failing call is a
// fault.
func Count(t *testing.T, cc *grpc.ClientConn, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		server, _, err := Call(t.Context(), cc)
		if err != nil {
			t.Fatal(err)
		}
		got[server]++
	}
	return got
}
