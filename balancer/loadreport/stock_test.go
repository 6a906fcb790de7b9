package loadreport_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/balancer/loadreport"
)

const orcaKey = "endpoint-load-metrics-bin"

func TestORCATrailer(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.reporter.SetUtilization("app", 0.5)
		<-time.After(time.Second)
		s.handle = sleep(0, status.Error(codes.NotFound, ""))
		for range 2 { // the second gets the first one's encoding
			var trailer metadata.MD
			s.client.EmptyCall(t.Context(), &testpb.Empty{}, grpc.Trailer(&trailer))
			decode(t, trailer)
			if m := orcaOf(t, trailer); m.ApplicationUtilization != 0.5 || m.RpsFractional != 1 {
				t.Errorf("ORCA's trailer is %v, want app 0.5 and 1 request a second", m)
			}
		}
		s.reporter.SetUtilization("app", 0.25)
		<-time.After(10 * time.Millisecond)
		stream, err := s.client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream.Recv()
		if m := orcaOf(t, stream.Trailer()); m.ApplicationUtilization != 0.25 {
			t.Errorf("10ms later ORCA's trailer is %v, want app 0.25", m)
		}
	}, loadreport.WithORCATrailer())
}

func orcaOf(t *testing.T, trailer metadata.MD) *orcapb.OrcaLoadReport {
	t.Helper()
	values := trailer.Get(orcaKey)
	if len(values) != 1 {
		t.Fatalf("trailer %v has reports %q, want one", trailer, values)
	}
	m := new(orcapb.OrcaLoadReport)
	if err := proto.Unmarshal([]byte(values[0]), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNoORCATrailerUnlessAsked(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		var trailer metadata.MD
		s.client.EmptyCall(t.Context(), &testpb.Empty{}, grpc.Trailer(&trailer))
		if v := trailer.Get(orcaKey); v != nil {
			t.Errorf("the response has ORCA's trailer %q", v)
		}
	})
}

// weighed is a server of a fleet that a stock client calls.
type weighed struct {
	testpb.UnimplementedTestServiceServer
	reporter *loadreport.Reporter
	server   *grpc.Server
	calls    int
}

func (w *weighed) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	w.calls++
	return &testpb.Empty{}, nil
}

// stock runs f with two servers and a client under grpc-go's weighted_round_robin.
func stock(t *testing.T, config string, opts []loadreport.Option, f func(t *testing.T, c testpb.TestServiceClient, servers []*weighed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listeners := map[string]*bufconn.Listener{}
		var servers []*weighed
		var state resolver.State
		for i := range 2 {
			r, err := loadreport.New(opts...)
			if err != nil {
				t.Fatal(err)
			}
			w := &weighed{reporter: r, server: grpc.NewServer(r.ServerOptions()...)}
			testpb.RegisterTestServiceServer(w.server, w)
			r.Register(w.server)
			address := fmt.Sprint("server", i)
			listeners[address] = bufconn.Listen(1 << 16)
			go w.server.Serve(listeners[address])
			defer w.server.Stop() //nolint:gocritic // in this bubble
			servers = append(servers, w)
			state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
		}
		fleet := manual.NewBuilderWithScheme("fleet")
		fleet.InitialState(state)
		conn, err := grpc.NewClient("fleet:///", grpc.WithResolvers(fleet), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"weighted_round_robin":`+config+`}]}`),
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				return listeners[address].DialContext(ctx)
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f(t, testpb.NewTestServiceClient(conn), servers)
	})
}

// share makes calls, one each 10 ms, and returns the share of them that the first server got.
func share(t *testing.T, c testpb.TestServiceClient, servers []*weighed, calls int) float64 {
	t.Helper()
	before, all := servers[0].calls, servers[0].calls+servers[1].calls
	for range calls {
		if _, err := c.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	return float64(servers[0].calls-before) / float64(servers[0].calls+servers[1].calls-all)
}

func TestStockClientsTakeWeights(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		opts         []loadreport.Option
		weighed      bool
	}{
		{"per call", `{"blackoutPeriod":"0s","weightUpdatePeriod":"0.1s"}`, []loadreport.Option{loadreport.WithORCATrailer()}, true},
		{"out of band", `{"blackoutPeriod":"0s","weightUpdatePeriod":"0.1s","enableOobLoadReport":true,"oobReportingPeriod":"0.1s"}`, nil, true},
		{"per call without the trailer", `{"blackoutPeriod":"0s","weightUpdatePeriod":"0.1s"}`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stock(t, tt.config, tt.opts, func(t *testing.T, c testpb.TestServiceClient, servers []*weighed) {
				servers[0].reporter.SetUtilization("app", 0.2)
				servers[1].reporter.SetUtilization("app", 0.8)
				share(t, c, servers, 100)
				got := share(t, c, servers, 200)
				if tt.weighed && got < 0.75 || !tt.weighed && (got < 0.45 || got > 0.55) {
					t.Errorf("a server at 20%% beside one at 80%% gets %.2f of the calls; weights apply: %v", got, tt.weighed)
				}
			})
		})
	}
}

// A stock client that follows reports out of band does not hold up a server that goes.
func TestStockClientsLetGo(t *testing.T) {
	const config = `{"blackoutPeriod":"0s","enableOobLoadReport":true,"oobReportingPeriod":"1s"}`
	stock(t, config, nil, func(t *testing.T, c testpb.TestServiceClient, servers []*weighed) {
		share(t, c, servers, 10)
		servers[0].reporter.Drain()
		<-time.After(5 * time.Second)
		start := time.Now()
		servers[0].server.GracefulStop()
		if took := time.Since(start); took > time.Second {
			t.Errorf("GracefulStop takes %v", took)
		}
		if got := share(t, c, servers, 100); got != 0 {
			t.Errorf("a server that is gone gets %v of the calls", got)
		}
	})
}
