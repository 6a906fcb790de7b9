package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/loadreport"
)

// fleet is a set of servers that are reached by made-up addresses.
type fleet struct {
	t     *testing.T
	mu    sync.Mutex
	lis   map[string]*bufconn.Listener
	dials map[string]int
}

func newFleet(t *testing.T) *fleet {
	return &fleet{t: t, lis: make(map[string]*bufconn.Listener), dials: make(map[string]int)}
}

func (f *fleet) dial(ctx context.Context, addr string) (net.Conn, error) {
	f.mu.Lock()
	f.dials[addr]++
	lis := f.lis[addr]
	f.mu.Unlock()
	if lis == nil {
		return nil, fmt.Errorf("connection to %s refused", addr)
	}
	return lis.DialContext(ctx)
}

func (f *fleet) dialled() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, d := range f.dials {
		n += d
	}
	return n
}

// backend is one server of the fleet.
type backend struct {
	testpb.UnimplementedTestServiceServer
	fleet  *fleet
	addrs  []string
	silent bool // sends no reports
	orca   bool // answers probes
	extra  []grpc.ServerOption
	// services registers more of them.
	services func(*grpc.Server)
	// reporter sends them; nil if silent.
	reporter *loadreport.Reporter
	health   *health.Server
	delay    atomic.Int64
	fail     atomic.Pointer[error]
	// failsAfter is how long a call that fails takes.
	failsAfter atomic.Int64
	calls      atomic.Int64
	server     *grpc.Server
	// inFlight counts unary calls at work.
	inFlight atomic.Int64
}

// start runs a server at the addresses. Configure may change it before.
func (f *fleet) start(configure func(*backend), addrs ...string) *backend {
	b := &backend{fleet: f, addrs: addrs}
	b.delay.Store(int64(5 * time.Millisecond))
	if configure != nil {
		configure(b)
	}
	b.run()
	return b
}

func (b *backend) run() {
	var opts []grpc.ServerOption
	if !b.silent {
		r, err := loadreport.New()
		if err != nil {
			b.fleet.t.Fatal(err)
		}
		b.reporter = r
		opts = r.ServerOptions()
	}
	b.server = grpc.NewServer(append(b.extra, opts...)...)
	testpb.RegisterTestServiceServer(b.server, b)
	if b.orca {
		b.reporter.Register(b.server)
	}
	if b.services != nil {
		b.services(b.server)
	}
	if b.health != nil {
		healthpb.RegisterHealthServer(b.server, b.health)
	}
	for _, addr := range b.addrs {
		lis := bufconn.Listen(1 << 16)
		b.fleet.mu.Lock()
		b.fleet.lis[addr] = lis
		b.fleet.mu.Unlock()
		go b.server.Serve(lis)
	}
}

func (b *backend) stop() {
	b.refuse()
	b.server.Stop()
}

// drainAndStop says GOAWAY and waits for the calls in flight.
func (b *backend) drainAndStop() {
	b.refuse()
	b.server.GracefulStop()
}

func (b *backend) refuse() {
	b.fleet.mu.Lock()
	defer b.fleet.mu.Unlock()
	for _, addr := range b.addrs {
		delete(b.fleet.lis, addr)
	}
}

func (b *backend) EmptyCall(ctx context.Context, _ *testpb.Empty) (*testpb.Empty, error) {
	b.calls.Add(1)
	b.inFlight.Add(1)
	defer b.inFlight.Add(-1)
	if err := b.fail.Load(); err != nil {
		if d := b.failsAfter.Load(); d > 0 {
			<-time.After(time.Duration(d))
		}
		return nil, *err
	}
	select {
	case <-time.After(time.Duration(b.delay.Load())):
		return &testpb.Empty{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// FullDuplexCall answers each message, until the client ends the stream.
func (b *backend) FullDuplexCall(s testpb.TestService_FullDuplexCallServer) error {
	b.calls.Add(1)
	for {
		if _, err := s.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
}

// endpoints makes one endpoint of each address.
func endpoints(addrs ...string) resolver.State {
	var s resolver.State
	for _, a := range addrs {
		s.Endpoints = append(s.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: a}}})
	}
	return s
}

// channel is a client of the fleet.
type channel struct {
	*grpc.ClientConn
	testpb.TestServiceClient
	resolver *manual.Resolver
}

func (f *fleet) channel(initial resolver.State, opts ...grpc.DialOption) *channel {
	f.t.Helper()
	r := manual.NewBuilderWithScheme("fleet")
	r.InitialState(initial)
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(f.dial), grpc.WithResolvers(r),
	}, opts...)
	cc, err := grpc.NewClient("fleet:///service", opts...)
	if err != nil {
		f.t.Fatal(err)
	}
	return &channel{ClientConn: cc, TestServiceClient: testpb.NewTestServiceClient(cc), resolver: r}
}

func (f *fleet) freshet(initial resolver.State, opts ...balancer.Option) *channel {
	f.t.Helper()
	return f.configured(balancer.Config{}, initial, opts...)
}

// configured is freshet with another configuration than the default.
func (f *fleet) configured(c balancer.Config, initial resolver.State, opts ...balancer.Option) *channel {
	f.t.Helper()
	return f.channel(initial, balancer.DialOptions(c, opts...)...)
}

// call makes one call and returns what the picker said about it.
func (c *channel) call(ctx context.Context, opts ...grpc.CallOption) (*callstate.State, error) {
	ctx, state := callstate.New(ctx)
	_, err := c.EmptyCall(ctx, &testpb.Empty{}, opts...)
	return state, err
}

// traffic is what an open loop of calls met.
type traffic struct {
	mu        sync.Mutex
	latencies []time.Duration
	errors    int
	by        map[string]int
	rules     map[callstate.Rule]int
}

// drive makes calls at a constant rate for d, and waits for all to end.
func (c *channel) drive(perSecond int, d time.Duration) *traffic {
	tr := &traffic{by: make(map[string]int), rules: make(map[callstate.Rule]int)}
	var wg sync.WaitGroup
	gap := time.Second / time.Duration(perSecond)
	for range int(d / gap) {
		<-time.After(gap)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			start := time.Now()
			state, err := c.call(ctx)
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.latencies = append(tr.latencies, time.Since(start))
			tr.by[state.Endpoint()]++
			tr.rules[state.Rule()]++
			if err != nil {
				tr.errors++
			}
		})
	}
	wg.Wait()
	return tr
}

func (tr *traffic) share(addr string) float64 {
	return float64(tr.by[addr]) / float64(len(tr.latencies))
}
