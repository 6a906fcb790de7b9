package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // a compressor that calls may ask for
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/loadreport"
	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// backend is one server of the origin.
type backend struct {
	stage  *Stage
	number int
	policy []byte
	load   *loadreport.Reporter

	mu       sync.Mutex
	listener *bufconn.Listener // nil while it is down
	server   *grpc.Server
}

// up starts the server. text is the policy file, for freshet's half on servers.
func (b *backend) up(text []byte) error {
	b.policy = text
	// Whatever a client calls its codec: those of the cases encode alike.
	opts := []grpc.ServerOption{grpc.ForceServerCodecV2(protoCodec{})}
	if b.stage.scene.ServerHalf {
		set, err := cachepolicy.Parse("case.json", text)
		if err != nil {
			return err
		}
		o, err := origin.New(origin.WithoutAnnotations(), origin.WithAutomaticETags(), origin.WithPolicies(set), origin.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			return err
		}
		opts = append(opts, o.ServerOptions()...)
	}
	if b.stage.scene.Balancer == balancer.Name {
		if b.load == nil {
			load, err := loadreport.New()
			if err != nil {
				return err
			}
			b.load = load
		}
		opts = append(opts, b.load.ServerOptions()...)
	}
	if b.stage.unknown != nil {
		opts = append(opts, grpc.UnknownServiceHandler(b.stage.unknown))
	}
	lis := bufconn.Listen(64 << 10) // allocated twice for each connection, of which there are hundreds
	server := grpc.NewServer(opts...)
	testv1.RegisterShopServer(server, &shop{origin: b.stage.origin, backend: b.number, say: say})
	go func() { _ = server.Serve(lis) }()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener, b.server = lis, server
	return nil
}

// down stops it.
func (b *backend) down() {
	b.mu.Lock()
	server := b.server
	b.listener, b.server = nil, nil
	b.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

func (b *backend) dial(ctx context.Context) (net.Conn, error) {
	b.mu.Lock()
	lis := b.listener
	b.mu.Unlock()
	if lis == nil {
		return nil, errors.New("the backend is down")
	}
	return lis.DialContext(ctx)
}

// dial returns the channel to a target, which all backends stand behind.
func (st *Stage) dial(target string, behind ...grpc.DialOption) (*channel, error) {
	if c, ok := st.channels[target]; ok {
		return c, nil
	}
	r := manual.NewBuilderWithScheme("stage")
	r.InitialState(resolver.State{Endpoints: endpoints(len(st.backends))})
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(r),
		grpc.WithStatsHandler(st),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			n, err := strconv.Atoi(strings.TrimPrefix(addr, "backend-"))
			if err != nil || n < 1 || n > len(st.backends) {
				return nil, fmt.Errorf("no backend %q", addr)
			}
			return st.backends[n-1].dial(ctx)
		}),
	}
	switch policy := st.scene.Balancer; {
	case policy == balancer.Name:
		opts = append(opts, balancer.DialOptions(balancer.Config{}, balancer.WithoutHealthCheck())...)
	case policy != "" || len(st.backends) > 1:
		if policy == "" {
			policy = "round_robin"
		}
		opts = append(opts, grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}]}`, policy)))
	}
	opts = append(opts, st.Cache.DialOptions()...)
	opts = append(opts, behind...)
	conn, err := grpc.NewClient("stage:///"+target, opts...)
	if err != nil {
		return nil, err
	}
	c := &channel{conn: conn, resolver: r}
	st.channels[target] = c
	return c, nil
}

func endpoints(n int) []resolver.Endpoint {
	out := make([]resolver.Endpoint, n)
	for i := range out {
		out[i].Addresses = []resolver.Address{{Addr: "backend-" + strconv.Itoa(i+1)}}
	}
	return out
}

// forBackends calls f for backend n, or for all of them if n is 0.
func (st *Stage) forBackends(n int, f func(*backend) error) error {
	for _, b := range st.backends {
		if n == 0 || n == b.number {
			if err := f(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// say plays what a handler says through the package for servers.
func say(ctx context.Context, words string) (notModified bool, err error) {
	verb, rest, _ := strings.Cut(words, " ")
	switch verb {
	case "cache-control":
		return false, origin.SetCacheControl(ctx, rest)
	case "groups":
		return false, origin.Groups(ctx, strings.Fields(rest)...)
	case "invalidate":
		return false, origin.Invalidate(ctx, strings.Fields(rest)...)
	case "etag":
		return false, origin.SetETag(ctx, rest)
	case "version":
		v, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			return false, err
		}
		return false, origin.SetVersion(ctx, v)
	case "invalidate-version":
		number, groups, _ := strings.Cut(rest, " ")
		v, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return false, err
		}
		return false, origin.InvalidateVersion(ctx, v, strings.Fields(groups)...)
	case "not-modified":
		return origin.NotModified(ctx, rest), nil
	}
	return false, fmt.Errorf("the script has a handler say %q, which is nothing it can say", verb)
}
