package xds_test

import (
	"context"
	"net"
	"testing"
	"time"

	udpapb "github.com/cncf/xds/go/udpa/type/v1"
	xdspb "github.com/cncf/xds/go/xds/type/v3"
	clusterpb "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/loadreport"
)

func TestPolicyFromControlPlane(t *testing.T) {
	settings, err := structpb.NewStruct(map[string]any{"poolSize": 8, "reportExpiry": "2s"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config proto.Message
	}{
		{"xds TypedStruct", &xdspb.TypedStruct{TypeUrl: "type.googleapis.com/" + balancer.Name, Value: settings}},
		{"udpa TypedStruct", &udpapb.TypedStruct{TypeUrl: "type.googleapis.com/" + balancer.Name, Value: settings}},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second, third := backend(t), backend(t), backend(t)
			control, bootstrap := startPlane(t, policyOf(t, c.config), first, second)
			call := dial(t, bootstrap)

			seen := callUntil(t, call, callstate.RuleReport, first, second)
			if seen[third] != 0 {
				t.Errorf("%d calls went to an endpoint that the control plane has not named", seen[third])
			}
			control.setEndpoints(t, second, third)
			callUntil(t, call, callstate.RuleReport, third)
		})
	}
}

func TestFaultySettingsAreRefused(t *testing.T) {
	settings, err := structpb.NewStruct(map[string]any{"poolSize": 99})
	if err != nil {
		t.Fatal(err)
	}
	_, bootstrap := startPlane(t, policyOf(t, &xdspb.TypedStruct{TypeUrl: "type.googleapis.com/" + balancer.Name, Value: settings}), backend(t))
	if state, err := dial(t, bootstrap)(); err == nil || state.Attempts() != 0 {
		t.Errorf("with poolSize 99 a call ends with %v after %d attempts, want an error without any", err, state.Attempts())
	}
}

// callUntil makes calls until every endpoint of want has served one, and one was
// picked by rule, and counts them by endpoint.
func callUntil(t *testing.T, call func() (*callstate.State, error), rule callstate.Rule, want ...string) map[string]int {
	t.Helper()
	counts, ruled := make(map[string]int), false
	done := func() bool {
		for _, w := range want {
			if counts[w] == 0 {
				return false
			}
		}
		return ruled
	}
	for n := 0; !done(); n++ {
		if n == 50_000 {
			t.Fatalf("after %d calls %v of %v are served, by rule %q: %v", n, counts, want, rule, ruled)
		}
		state, err := call()
		if err != nil {
			t.Fatal(err)
		}
		counts[state.Endpoint()]++
		ruled = ruled || state.Rule() == rule
	}
	return counts
}

func dial(t *testing.T, bootstrap []byte) func() (*callstate.State, error) {
	t.Helper()
	resolver, err := xds.NewXDSResolverWithConfigForTesting(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///"+service, grpc.WithResolvers(resolver),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	client := testgrpc.NewTestServiceClient(conn)
	return func() (*callstate.State, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		ctx, state := callstate.New(ctx)
		_, err := client.EmptyCall(ctx, new(testgrpc.Empty))
		return state, err
	}
}

func policyOf(t *testing.T, config proto.Message) *clusterpb.LoadBalancingPolicy {
	t.Helper()
	return &clusterpb.LoadBalancingPolicy{Policies: []*clusterpb.LoadBalancingPolicy_Policy{
		{TypedExtensionConfig: &corepb.TypedExtensionConfig{Name: balancer.Name, TypedConfig: packed(t, config)}},
	}}
}

func backend(t *testing.T) string {
	t.Helper()
	reporter, err := loadreport.New()
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(reporter.ServerOptions()...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("backend: %v", err)
		}
	})
	return lis.Addr().String()
}
