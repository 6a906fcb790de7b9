package decorate

import (
	"errors"
	"fmt"
	"net/url"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Source is one of several targets that a resolver resolves, and who does.
type Source struct {
	builder resolver.Builder
	url     *url.URL // nil for the channel's own target
}

// NewSource returns the source of a target. A nil builder is the one registered
// for the target's scheme. An empty target is the channel's own, for which the
// builder must be given.
func NewSource(b resolver.Builder, s string) (Source, error) {
	if s == "" {
		if b == nil {
			return Source{}, errors.New("must have a target or a builder")
		}
		return Source{builder: b}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return Source{}, fmt.Errorf("target: %w", err)
	}
	if b == nil {
		b = resolver.Get(u.Scheme)
	}
	switch {
	case b == nil:
		return Source{}, fmt.Errorf("target %s: no builder is registered for the scheme %q", target.Quote(s), u.Scheme)
	case b.Scheme() != u.Scheme:
		return Source{}, fmt.Errorf("target %s: scheme must be its builder's, %q", target.Quote(s), b.Scheme())
	}
	return Source{builder: b, url: u}, nil
}

// String returns what a log calls the source: its target without options, or
// its scheme.
func (s Source) String() string {
	if s.url == nil {
		return s.builder.Scheme()
	}
	return target.Quote(resolver.Target{URL: *s.url}.String())
}

// target returns what the source's builder resolves on a channel to own.
func (s Source) target(own resolver.Target) resolver.Target {
	if s.url != nil {
		return resolver.Target{URL: *s.url}
	}
	own.URL.Scheme = s.builder.Scheme()
	return own
}

// Authority returns the authority of a channel to own with this as its first
// source: the endpoint that own names, as gRPC does by default, unless that is
// the source's to interpret or there is none.
func (s Source) Authority(own resolver.Target) string {
	if s.url != nil && own.Endpoint() != "" {
		return Authority(nil, own)
	}
	return Authority(s.builder, s.target(own))
}

// Resolvers are those of several sources.
type Resolvers []resolver.Resolver

// Build builds the resolver of each source, which speaks to the filter of the
// same index. If one cannot be built it closes the others.
func Build(sources []Source, own resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions, filters []Filter) (Resolvers, error) {
	built := make(Resolvers, 0, len(sources))
	for i, s := range sources {
		r, err := s.builder.Build(s.target(own), NewConn(cc, filters[i]), opts)
		if err != nil {
			built.Close()
			return nil, err
		}
		built = append(built, r)
	}
	return built, nil
}

// ResolveNow hands the hint to all.
func (rs Resolvers) ResolveNow(o resolver.ResolveNowOptions) {
	for _, r := range rs {
		r.ResolveNow(o)
	}
}

// Close closes all.
func (rs Resolvers) Close() {
	for _, r := range rs {
		r.Close()
	}
}
