package merge

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
)

// maxSources bounds the sources.
const maxSources = 64

// Source is a target and who resolves it.
type Source struct {
	// Target is what is resolved. When it is empty, it is the target of the
	// channel, under the builder's scheme.
	Target string
	// Builder resolves it. The default is the one registered for the target's
	// scheme; it is required when Target is empty. A builder must have the
	// scheme that its target has.
	Builder resolver.Builder
}

// New returns a builder for targets of the given scheme, whose list is that of
// all sources, of which there are 1 to 64. It implements
// [resolver.AuthorityOverrider]. The error tells every fault at once: a
// malformed scheme or target, a scheme that is not registered. What a source's
// builder says against a target is told by Build.
func New(scheme string, sources []Source) (resolver.Builder, error) {
	b := builder{scheme: scheme}
	var faults []error
	if err := decorate.CheckScheme(scheme); err != nil {
		faults = append(faults, fmt.Errorf("merge: %w", err))
	}
	if n := len(sources); n < 1 || n > maxSources {
		faults = append(faults, fmt.Errorf("merge: there must be between 1 and %d sources, got %d", maxSources, n))
	}
	for i, s := range sources {
		source, err := decorate.NewSource(s.Builder, s.Target)
		if err != nil {
			faults = append(faults, fmt.Errorf("merge: sources[%d]: %w", i, err))
		}
		b.sources = append(b.sources, source)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return b, nil
}

type builder struct {
	scheme  string
	sources []decorate.Source
}

func (b builder) Scheme() string { return b.scheme }

// Build builds the resolvers of all sources.
func (b builder) Build(t resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	m := newMerger(b.scheme, b.sources, cc)
	filters := make([]decorate.Filter, len(b.sources))
	for i := range b.sources {
		filters[i] = &m.inputs[i]
	}
	inner, err := decorate.Build(b.sources, t, cc, opts, filters)
	if err != nil {
		m.close()
		return nil, fmt.Errorf("merge: %w", err)
	}
	return &merged{Resolvers: inner, merger: m}, nil
}

// OverrideAuthority returns the endpoint that the target names, or the first
// source's authority.
func (b builder) OverrideAuthority(t resolver.Target) string {
	return b.sources[0].Authority(t)
}

// merged is the resolver of one channel.
type merged struct {
	decorate.Resolvers

	merger *merger
}

// Close closes the sources' resolvers and then ends the timer.
func (m *merged) Close() {
	m.Resolvers.Close()
	m.merger.close()
}
