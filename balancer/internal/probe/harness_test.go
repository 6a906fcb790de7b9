package probe_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcasvc "github.com/cncf/xds/go/xds/service/orca/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/balancer/internal/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// policy is pick_first, and says when its subchannel is READY.
type policy struct {
	name  string
	ready chan balancer.SubConn
}

func (p *policy) Name() string { return p.name }

func (p *policy) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	return balancer.Get(pickfirst.Name).Build(&watched{ClientConn: cc, ready: p.ready}, opts)
}

type watched struct {
	balancer.ClientConn
	ready chan balancer.SubConn
}

func (w *watched) NewSubConn(addrs []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	var sc balancer.SubConn
	listener := opts.StateListener
	opts.StateListener = func(s balancer.SubConnState) {
		listener(s)
		if s.ConnectivityState == connectivity.Ready {
			w.ready <- sc
		}
	}
	sc, err := w.ClientConn.NewSubConn(addrs, opts) //nolint:staticcheck // deprecated for many addresses only
	return sc, err
}

// server is what is probed. It may be restarted.
type server struct {
	testpb.UnimplementedTestServiceServer
	// start makes the gRPC server, with its services.
	start func() *grpc.Server
	// handle is the work of a call.
	handle func(context.Context) error

	mu   sync.Mutex
	lis  *bufconn.Listener
	grpc *grpc.Server
	conn *grpc.ClientConn
	subs chan balancer.SubConn

	ended probes
}

func (s *server) EmptyCall(ctx context.Context, _ *testpb.Empty) (*testpb.Empty, error) {
	return &testpb.Empty{}, s.handle(ctx)
}

func (s *server) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grpc, s.lis = s.start(), bufconn.Listen(1<<16)
	testpb.RegisterTestServiceServer(s.grpc, s)
	go s.grpc.Serve(s.lis)
}

// restart ends the connection and makes another, to a new server.
func (s *server) restart() {
	s.grpc.Stop()
	s.run()
	synctest.Wait()
	s.conn.Connect()
}

// prober waits for the next connection.
func (s *server) prober(t *testing.T) (*probe.Prober, func()) {
	t.Helper()
	p, release := probe.Build(<-s.subs)
	if p == nil {
		t.Fatal("Build returns no prober")
	}
	return p, release
}

func (s *server) call(ctx context.Context) {
	testpb.NewTestServiceClient(s.conn).EmptyCall(ctx, &testpb.Empty{})
}

var policies atomic.Int64

// serve runs f in a bubble with a server that start makes, and a channel to it.
func serve(t *testing.T, start func(opts ...grpc.ServerOption) *grpc.Server, f func(t *testing.T, s *server)) {
	t.Helper()
	name := fmt.Sprint("probing", policies.Add(1))
	synctest.Test(t, func(t *testing.T) {
		s := &server{handle: func(context.Context) error { return nil }}
		s.start = func() *grpc.Server { return start(grpc.StatsHandler(&s.ended)) }
		s.subs = make(chan balancer.SubConn, 10)
		balancer.Register(&policy{name: name, ready: s.subs})
		s.run()
		var err error
		s.conn, err = grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"`+name+`":{}}]}`),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.lis.DialContext(ctx)
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.grpc.Stop() }()
		defer s.conn.Close()
		s.conn.Connect()
		f(t, s)
	})
}

// probes counts, at the server, calls of the ORCA service and how they end.
type probes struct{ begun, ended, cut atomic.Int64 }

type orcaCall struct{}

func (p *probes) TagRPC(ctx context.Context, i *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, orcaCall{}, i.FullMethodName == orcasvc.OpenRcaService_StreamCoreMetrics_FullMethodName)
}

func (p *probes) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if ctx.Value(orcaCall{}) != true {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		p.begun.Add(1)
	case *stats.End:
		p.ended.Add(1)
		if s.Error != nil {
			p.cut.Add(1)
		}
	}
}
func (p *probes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (p *probes) HandleConn(context.Context, stats.ConnStats)                       {}

// script is an ORCA service that does as it is told.
type script func(grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error

type scripted struct {
	orcasvc.UnimplementedOpenRcaServiceServer
	run script
}

func (s *scripted) StreamCoreMetrics(_ *orcasvc.OrcaLoadReportRequest, stream grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error {
	return s.run(stream)
}

func scriptedServer(run script) func(...grpc.ServerOption) *grpc.Server {
	return func(opts ...grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(opts...)
		orcasvc.RegisterOpenRcaServiceServer(srv, &scripted{run: run})
		return srv
	}
}

func plainServer(opts ...grpc.ServerOption) *grpc.Server { return grpc.NewServer(opts...) }

func sleep(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		<-time.After(d)
		return nil
	}
}
