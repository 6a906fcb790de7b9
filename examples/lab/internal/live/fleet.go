package live

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest"       // registers the policy
	_ "google.golang.org/grpc/balancer/weightedroundrobin" // registers the policy
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/loadreport"
	_ "github.com/freshet-io/freshet/resolver/static" // registers the scheme
)

// configs are the policies, with the options of their channels.
var configs = map[string][]grpc.DialOption{
	balancer.Name:                balancer.DialOptions(balancer.Config{}),
	"round_robin":                stock("round_robin"),
	"weighted_round_robin":       stock("weighted_round_robin"),
	"least_request_experimental": stock("least_request_experimental"),
}

func stock(policy string) []grpc.DialOption {
	return []grpc.DialOption{grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}]}`, policy))}
}

// Policies returns the names of all, freshet first.
func Policies() []string {
	return []string{balancer.Name, "round_robin", "weighted_round_robin", "least_request_experimental"}
}

const method = "/freshet.examples.lab.Lab/Work"

// fleet is the servers.
type fleet struct {
	c        Config
	base     time.Time
	machines []*machine
	servers  []*grpc.Server
	target   string
	ended    chan struct{} // ends what watches utilization
	wg       sync.WaitGroup
}

func start(c Config) (*fleet, error) {
	f := &fleet{c: c, base: time.Now(), ended: make(chan struct{})}
	var addrs []string
	for i := range c.Servers {
		m := &machine{base: f.base, slowness: c.slowness(i), antagonist: c.hasAntagonist(i), jobs: make(chan job, queued)}
		reporter, err := loadreport.New(loadreport.WithORCATrailer())
		if err != nil {
			f.stop()
			return nil, err
		}
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.stop()
			return nil, err
		}
		s := grpc.NewServer(reporter.ServerOptions()...)
		reporter.Register(s)
		s.RegisterService(service(i), m)
		f.machines, f.servers = append(f.machines, m), append(f.servers, s)
		addrs = append(addrs, lis.Addr().String())
		for range c.Workers {
			f.wg.Go(m.worker)
		}
		f.wg.Go(func() { _ = s.Serve(lis) }) // ends by Stop
		f.wg.Go(func() { m.watch(c.Workers, reporter, f.ended) })
	}
	f.target = "static:///" + strings.Join(addrs, ",")
	return f, nil
}

// stop ends everything, after the channels were closed.
func (f *fleet) stop() {
	close(f.ended)
	for _, s := range f.servers {
		s.Stop() // waits for handlers
	}
	for _, m := range f.machines {
		close(m.jobs)
	}
	f.wg.Wait()
}

// service is that of the i-th server: it does the work of the request and says who it is.
func service(i int) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "freshet.examples.lab.Lab", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Work", Handler: func(srv any, ctx context.Context, dec func(any) error, in grpc.UnaryServerInterceptor) (any, error) {
			req := new(durationpb.Duration)
			if err := dec(req); err != nil {
				return nil, err
			}
			work := func(ctx context.Context, req any) (any, error) {
				if err := srv.(*machine).do(ctx, req.(*durationpb.Duration).AsDuration()); err != nil {
					return nil, err
				}
				return wrapperspb.Int64(int64(i)), nil
			}
			if in == nil {
				return work(ctx, req)
			}
			return in(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: method}, work)
		}}},
	}
}

// watch reports as utilization the part of the workers that are busy, as an average over
// about a second, as a CPU's would be.
func (m *machine) watch(workers int, r *loadreport.Reporter, ended <-chan struct{}) {
	const every, over = 20 * time.Millisecond, time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	mean := 0.0
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			mean += (float64(m.busy.Load())/float64(workers) - mean) * every.Seconds() / over.Seconds()
			r.SetUtilization("app", mean)
		}
	}
}

// group is the channels of a policy.
type group struct {
	policy string
	conns  []*grpc.ClientConn
}

func (f *fleet) dial(policy string) (*group, error) {
	g := &group{policy: policy}
	for range f.c.Clients {
		cc, err := grpc.NewClient(f.target, append([]grpc.DialOption{
			grpc.WithTransportCredentials(insecure.NewCredentials())}, configs[policy]...)...)
		if err != nil {
			g.close()
			return nil, fmt.Errorf("live: a channel with %s: %w", policy, err)
		}
		cc.Connect()
		g.conns = append(g.conns, cc)
	}
	return g, nil
}

func (g *group) close() {
	for _, cc := range g.conns {
		_ = cc.Close()
	}
}
