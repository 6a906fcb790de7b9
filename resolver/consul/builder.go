package consul

import (
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/watch"
)

// A service that changes all the time is asked for once a second. "Clients should
// […] in the happy case […] proceed without waiting, but when values start to
// churn quickly they degrade into polling at a reasonable rate" (Consul, blocking
// queries).
const (
	pace  = time.Second
	burst = 4
)

func init() {
	resolver.Register(&builder{})
}

// NewBuilder returns a builder for grpc.WithResolvers. Without options it is the
// one that importing this package registers. It also implements
// [resolver.AuthorityOverrider].
func NewBuilder(opts ...Option) resolver.Builder {
	b := &builder{}
	for _, o := range opts {
		o.apply(&b.config)
	}
	return b
}

// builder is not changed after it is made.
type builder struct{ config config }

func (*builder) Scheme() string { return Scheme }

// Build refuses a malformed target and a malformed environment, and leaves
// asking to the goroutines that it starts.
func (b *builder) Build(rt resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parse(rt.URL)
	if err != nil {
		return nil, err
	}
	a, err := b.config.access(t)
	if err != nil {
		return nil, err
	}
	f := &follower{access: a, target: t}
	return watch.Start(cc, watch.Config{
		Scheme: Scheme, Subject: t.Service,
		Ask: f.ask, End: a.close,
		Pace: pace, Burst: burst, Hold: t.Hold,
	}), nil
}

// OverrideAuthority returns the authority option, or service.service.consul.
func (*builder) OverrideAuthority(rt resolver.Target) string {
	t, err := parse(rt.URL)
	if err != nil {
		return "localhost" // of which no call makes use
	}
	return t.Authority
}
