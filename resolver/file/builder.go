package file

import (
	"context"

	"google.golang.org/grpc/resolver"
)

func init() {
	resolver.Register(builder{})
}

// NewBuilder returns the builder that importing this package registers, for
// grpc.WithResolvers. It also implements [resolver.AuthorityOverrider].
func NewBuilder() resolver.Builder { return builder{} }

type builder struct{}

func (builder) Scheme() string { return Scheme }

// Build refuses a malformed target, and leaves the file to the goroutine that
// it starts.
func (builder) Build(rt resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parseTarget(rt.URL)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{
		file:     follower{path: t.Path},
		out:      publisher{path: t.Path, cc: cc},
		interval: t.Interval,
		hint:     make(chan struct{}, 1),
		stop:     stop,
		stopped:  make(chan struct{}),
	}
	go w.run(ctx)
	return w, nil
}

// OverrideAuthority returns the authority option, or "localhost".
func (builder) OverrideAuthority(rt resolver.Target) string {
	t, err := parseTarget(rt.URL)
	if err != nil {
		return defaultAuthority
	}
	return t.Authority
}
