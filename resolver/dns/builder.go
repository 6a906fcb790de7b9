package dns

import (
	"context"
	"math/rand/v2"
	"net/netip"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

func init() {
	resolver.Register(NewBuilder())
}

// NewBuilder returns the builder that importing this package registers, for
// grpc.WithResolvers. It also implements [resolver.AuthorityOverrider].
func NewBuilder() resolver.Builder {
	return builder{names: names, random: rand.Float64}
}

type builder struct {
	names  func(server string) nameService
	random func() float64 // in [0, 1); concurrently
}

func (builder) Scheme() string { return Scheme }

// Build refuses a malformed target, publishes an IP address, and leaves names to
// the goroutine that it starts.
func (b builder) Build(rt resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parse(rt.URL)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(t.Host); err == nil {
		// What the channel answers is of no use: the next answer is the same.
		_ = cc.UpdateState(list.With(resolver.State{}, endpoints([]server{{addresses: []netip.Addr{ip}, port: t.Port}})))
		return fixed{}, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &poller{
		target:  t,
		names:   b.names(t.Server),
		random:  b.random,
		out:     publisher{target: t, cc: cc, outlet: decorate.NewOutlet(cc)},
		hint:    make(chan struct{}, 1),
		stop:    stop,
		stopped: make(chan struct{}),
	}
	go p.run(ctx)
	return p, nil
}

// OverrideAuthority returns the authority option, or the host as written. For a
// target that Build refuses it is "localhost", of which no call makes use.
func (builder) OverrideAuthority(rt resolver.Target) string {
	t, err := parse(rt.URL)
	if err != nil {
		return "localhost"
	}
	return t.Authority
}

// fixed is the resolver of an IP address.
type fixed struct{}

func (fixed) ResolveNow(resolver.ResolveNowOptions) {}

func (fixed) Close() {}
