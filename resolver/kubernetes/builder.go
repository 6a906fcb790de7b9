package kubernetes

import (
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	pace = time.Second
	// settle gathers the slices that one change of a Service touches: those of
	// two address families, or the one that an endpoint leaves and the one
	// where it arrives, which are told one after the other.
	settle = 100 * time.Millisecond
)

func init() {
	resolver.Register(&builder{config: defaults()})
}

// NewBuilder returns a builder for grpc.WithResolvers. Without options it is the
// one that importing this package registers. It also implements
// [resolver.AuthorityOverrider]. The error tells an option that cannot be.
func NewBuilder(opts ...Option) (resolver.Builder, error) {
	b := &builder{config: defaults()}
	for _, o := range opts {
		o.apply(&b.config)
	}
	if err := b.config.validate(); err != nil {
		return nil, err
	}
	return b, nil
}

func defaults() config { return config{directory: serviceAccount} }

// builder is not changed after it is made.
type builder struct{ config config }

func (*builder) Scheme() string { return Scheme }

// Build refuses a malformed target and a place where there is no cluster, and
// leaves asking to the goroutines that it starts.
func (b *builder) Build(rt resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parse(rt.URL)
	if err != nil {
		return nil, err
	}
	a, err := b.config.access()
	if err != nil {
		return nil, err
	}
	if t.Namespace == "" {
		if t.Namespace, err = b.config.namespace(); err != nil {
			return nil, err
		}
	}
	f := &follower{access: a, target: t}
	return watch.Start(cc, watch.Config{
		Scheme: Scheme, Subject: t.Namespace + "/" + t.Service,
		Ask: f.ask, End: a.close,
		Pace: pace, Settle: settle, Hold: t.Hold,
	}), nil
}

// OverrideAuthority returns the authority option, or service.namespace.svc. The
// namespace of the pod is read from its file where the target has none.
func (b *builder) OverrideAuthority(rt resolver.Target) string {
	t, err := parse(rt.URL)
	if err != nil {
		return "localhost" // of which no call makes use
	}
	if t.Authority != "" {
		return t.Authority
	}
	if t.Namespace == "" {
		if t.Namespace, err = b.config.namespace(); err != nil {
			return "localhost"
		}
	}
	return t.Service + "." + t.Namespace + ".svc"
}
