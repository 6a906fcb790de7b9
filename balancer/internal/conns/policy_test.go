package conns_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

func init() { balancer.Register(turns{}) }

// turns is a policy that takes READY endpoints in turn. The attribute offKey of an
// endpoint switches it off.
type turns struct{}

type offKey struct{}

func (turns) Name() string { return "conns_turns" }

func (turns) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	m := conns.New(cc, opts, conns.Hooks[struct{}]{Publish: func(s conns.Snapshot[struct{}]) {
		p := balancer.Picker(&turnsPicker{ready: s.Ready})
		switch {
		case s.Err != nil:
			p = base.NewErrPicker(s.Err)
		case len(s.Ready) == 0:
			p = base.NewErrPicker(balancer.ErrNoSubConnAvailable)
		}
		cc.UpdateState(balancer.State{ConnectivityState: s.Aggregate, Picker: p})
	}})
	return turnsBalancer{m}
}

type turnsBalancer struct{ *conns.Manager[struct{}] }

func (b turnsBalancer) UpdateClientConnState(s balancer.ClientConnState) error {
	es := s.ResolverState.Endpoints
	return b.Update(es, func(i int) bool { return es[i].Attributes.Value(offKey{}) == nil })
}

func (turnsBalancer) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

type turnsPicker struct {
	ready []*conns.Leaf[struct{}]
	next  atomic.Uint64
}

func (p *turnsPicker) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	return balancer.PickResult{SubConn: p.ready[p.next.Add(1)%uint64(len(p.ready))].SubConn}, nil
}

// network is a set of servers that are reached by made-up addresses.
type network struct {
	t         *testing.T
	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
	dials     map[string]int
	refusal   error
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, listeners: map[string]*bufconn.Listener{}, dials: map[string]int{}, refusal: errRefused}
}

func (n *network) dial(ctx context.Context, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[addr]++
	l, refusal := n.listeners[addr], n.refusal
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: %w", addr, refusal)
	}
	c, err := l.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	return named{c, addr}, nil
}

// dialled is how often an address was dialled.
func (n *network) dialled(addr string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[addr]
}

// named is a connection that knows where it leads to.
type named struct {
	net.Conn
	addr string
}

func (c named) RemoteAddr() net.Addr { return address(c.addr) }

type address string

func (address) Network() string  { return "fake" }
func (a address) String() string { return string(a) }

// server is one backend.
type server struct {
	testpb.UnimplementedTestServiceServer
	*grpc.Server
	network *network
	addr    string
	hold    chan struct{} // if not nil, calls wait for it to be closed
}

// serve starts a server, which stops when the test ends. With a health server it says what that says.
func (n *network) serve(addr string, h *health.Server) *server {
	s := &server{Server: grpc.NewServer(), network: n, addr: addr}
	testpb.RegisterTestServiceServer(s, s)
	if h != nil {
		healthpb.RegisterHealthServer(s, h)
	}
	l := bufconn.Listen(1 << 16)
	n.mu.Lock()
	n.listeners[addr] = l
	n.mu.Unlock()
	go s.Serve(l)
	n.t.Cleanup(s.stop)
	return s
}

// leave makes the server unreachable for new connections.
func (s *server) leave() {
	s.network.mu.Lock()
	defer s.network.mu.Unlock()
	delete(s.network.listeners, s.addr)
}

func (s *server) stop() {
	s.leave()
	s.Stop()
}

func (s *server) EmptyCall(ctx context.Context, _ *testpb.Empty) (*testpb.Empty, error) {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
		}
	}
	<-time.After(5 * time.Millisecond)
	return &testpb.Empty{}, ctx.Err()
}

// client is a channel with the policy turns.
type client struct {
	*grpc.ClientConn
	testpb.TestServiceClient
	resolver *manual.Resolver
	resolves atomic.Int32 // how often ResolveNow was called
}

func (n *network) client(es []resolver.Endpoint, opts ...grpc.DialOption) *client {
	n.t.Helper()
	c := &client{resolver: manual.NewBuilderWithScheme("conns")}
	c.resolver.InitialState(resolver.State{Endpoints: es})
	c.resolver.ResolveNowCallback = func(resolver.ResolveNowOptions) { c.resolves.Add(1) }
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(n.dial), grpc.WithResolvers(c.resolver),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"conns_turns":{}}]}`),
	}, opts...)
	cc, err := grpc.NewClient("conns:///service", opts...)
	if err != nil {
		n.t.Fatal(err)
	}
	c.ClientConn, c.TestServiceClient = cc, testpb.NewTestServiceClient(cc)
	return c
}

// update is a new answer of the resolver.
func (c *client) update(es []resolver.Endpoint) {
	c.resolver.UpdateState(resolver.State{Endpoints: es})
	pass(0)
}

// call makes a call and returns the address that answered.
func (c *client) call(ctx context.Context, opts ...grpc.CallOption) (string, error) {
	var p peer.Peer
	_, err := c.EmptyCall(ctx, &testpb.Empty{}, append(opts, grpc.Peer(&p))...)
	if p.Addr == nil {
		return "", err
	}
	return p.Addr.String(), err
}

// callAll makes calls until each server must have had one, and returns who had.
func (c *client) callAll(t *testing.T, n int) []string {
	t.Helper()
	var got []string
	for range n {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		addr, err := c.call(ctx)
		cancel()
		if err != nil {
			t.Fatalf("call: %v", err)
		}
		if !slices.Contains(got, addr) {
			got = append(got, addr)
		}
	}
	slices.Sort(got)
	return got
}

// await waits for a state of the channel.
func (c *client) await(t *testing.T, want connectivity.State) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for s := c.GetState(); s != want; s = c.GetState() {
		if !c.WaitForStateChange(ctx, s) {
			t.Fatalf("the channel is %v, want %v", s, want)
		}
	}
}
