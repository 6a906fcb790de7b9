package kubernetes_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

// fleet is a set of servers that are dialled by their addresses.
type fleet map[string]*bufconn.Listener

// newFleet starts a server at each address, which answers with it in the header
// "server" and with the :authority it was called by.
func newFleet(t *testing.T, addresses ...string) fleet {
	f := fleet{}
	for _, address := range addresses {
		l := bufconn.Listen(1 << 16)
		f[address] = l
		s := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			_ = grpc.SetHeader(ctx, metadata.Pairs("server", address, "authority", md.Get(":authority")[0]))
			return next(ctx, req)
		}))
		healthpb.RegisterHealthServer(s, health.NewServer())
		go func() { _ = s.Serve(l) }()
		t.Cleanup(s.Stop)
	}
	return f
}

func (f fleet) dial(ctx context.Context, address string) (net.Conn, error) {
	return f[address].DialContext(ctx)
}

// count calls n times and returns the calls by server.
func count(t *testing.T, cc *grpc.ClientConn, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		var header metadata.MD
		if _, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Header(&header)); err != nil {
			t.Fatal(err)
		}
		if authority := header.Get("authority")[0]; authority != "search.shop.svc" {
			t.Errorf("the server was called as %q, want search.shop.svc", authority)
		}
		got[header.Get("server")[0]]++
	}
	return got
}

func TestARolloutMovesTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		f := newFleet(t, "10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051")
		b, err := kubernetes.NewBuilder(kubernetes.WithURL("http://api.example"), kubernetes.WithHTTPClient(watchtest.Serve(t, a)))
		if err != nil {
			t.Fatal(err)
		}
		cc, err := grpc.NewClient("kubernetes:///search.shop:grpc",
			grpc.WithResolvers(b), grpc.WithContextDialer(f.dial),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cc.Close() })

		_, err = healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "is there such a Service?") {
			t.Errorf("before there is a slice: got %v, want UNAVAILABLE with the reason", err)
		}

		a.put("search-a", pods("IPv4", "p1=10.0.0.1 p2=10.0.0.2"))
		watchtest.Advance(time.Second)
		if got := count(t, cc, 20); got["10.0.0.1:50051"] != 10 || got["10.0.0.2:50051"] != 10 {
			t.Errorf("calls by server: got %v, want 10 each of two", got)
		}
		a.put("search-a", pods("IPv4", "p1~=10.0.0.1 p2=10.0.0.2"))
		a.put("search-b", pods("IPv4", "p3=10.0.0.3"))
		watchtest.Advance(time.Second)
		if got := count(t, cc, 20); got["10.0.0.2:50051"] != 10 || got["10.0.0.3:50051"] != 10 {
			t.Errorf("calls by server after the rollout: got %v, want 10 each of two others", got)
		}
		a.put("search-a", pods("IPv4", "p2!=10.0.0.2"))
		a.put("search-b", pods("IPv4", "p3!=10.0.0.3"))
		watchtest.Advance(50 * time.Second)
		if got := count(t, cc, 20); got["10.0.0.2:50051"] != 10 || got["10.0.0.3:50051"] != 10 {
			t.Errorf("calls by server while none is ready: got %v, want 10 each of the last two", got)
		}
		watchtest.Advance(time.Minute)
		_, err = healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if status.Code(err) != codes.Unavailable { // round_robin has a sentence of its own for no endpoints
			t.Errorf("when that is believed: got %v, want UNAVAILABLE", err)
		}
		a.put("search-b", pods("IPv4", "p3=10.0.0.3"))
		watchtest.Advance(time.Second)
		if got := count(t, cc, 20); got["10.0.0.3:50051"] != 20 {
			t.Errorf("calls by server afterwards: got %v, want 20 of one", got)
		}
	})
}
