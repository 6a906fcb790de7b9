package fallback

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
)

const (
	defaultDelay = 10 * time.Second
	maxDelay     = 24 * time.Hour
)

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

// Option changes what [New] does. Of options of one name the last counts.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	delay time.Duration
	tiers bool
}

// WithDelay sets for how long the primary must fail until its list is given up:
// 10 s by default, between 0, at once, and 24 h.
func WithDelay(d time.Duration) Option {
	return option(func(c *config) { c.delay = d })
}

// WithTiers gives the channel both lists, the secondary's endpoints in failover
// tiers behind the primary's. It wants a policy that knows tiers; another one
// sends calls to both alike. By default it is off.
func WithTiers() Option {
	return option(func(c *config) { c.tiers = true })
}

// New returns a builder for targets of the given scheme that resolves first,
// the primary, and second where that fails, the secondary. It implements
// [resolver.AuthorityOverrider]. The error tells every fault at once: a
// malformed scheme or target, a scheme that is not registered, a delay outside of
// its limits. What a source's builder says against a target is told by Build.
func New(scheme string, first, second Source, opts ...Option) (resolver.Builder, error) {
	b := builder{scheme: scheme, config: config{delay: defaultDelay}}
	for _, o := range opts {
		o.apply(&b.config)
	}
	var faults []error
	if err := decorate.CheckScheme(scheme); err != nil {
		faults = append(faults, fmt.Errorf("fallback: %w", err))
	}
	for i, s := range [...]Source{primary: first, secondary: second} {
		source, err := decorate.NewSource(s.Builder, s.Target)
		if err != nil {
			faults = append(faults, fmt.Errorf("fallback: %v: %w", rank(i), err))
		}
		b.sources = append(b.sources, source)
	}
	if d := b.config.delay; d < 0 || d > maxDelay {
		faults = append(faults, fmt.Errorf("fallback: delay must be between 0s and %v, got %v", maxDelay, d))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return b, nil
}

// rank is which of the two a source is.
type rank int

const (
	primary rank = iota
	secondary
)

// String returns the word for it.
func (r rank) String() string {
	if r == primary {
		return "primary"
	}
	return "secondary"
}

type builder struct {
	scheme  string
	sources []decorate.Source
	config  config
}

func (b builder) Scheme() string { return b.scheme }

// Build builds the resolvers of both sources.
func (b builder) Build(t resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	s := newSelector(b.scheme, b.sources, b.config, cc)
	filters := []decorate.Filter{s.sides[primary], s.sides[secondary]}
	inner, err := decorate.Build(b.sources, t, cc, opts, filters)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("fallback: %w", err)
	}
	return &pair{Resolvers: inner, selector: s}, nil
}

// OverrideAuthority returns the endpoint that the target names, or the primary's
// authority.
func (b builder) OverrideAuthority(t resolver.Target) string {
	return b.sources[primary].Authority(t)
}

// pair is the resolver of one channel.
type pair struct {
	decorate.Resolvers

	selector *selector
}

// Close closes the sources' resolvers and then ends the timer.
func (p *pair) Close() {
	p.Resolvers.Close()
	p.selector.close()
}
