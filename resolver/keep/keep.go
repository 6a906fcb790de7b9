package keep

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
)

// Option changes what [Wrap] does. Of options of one name the last counts.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	scheme  string
	bounded bool
	bound   time.Duration
}

// WithBound lets errors and empty lists pass that have lasted for d without a
// list in between. It must be positive. By default there is no bound.
func WithBound(d time.Duration) Option {
	return option(func(c *config) { c.bounded, c.bound = true, d })
}

// WithScheme gives the builder a scheme of its own, under which it can be
// registered beside the one it wraps, which is still given targets of its own
// scheme. The default is the scheme of the builder that is wrapped.
func WithScheme(scheme string) Option {
	return option(func(c *config) { c.scheme = scheme })
}

// Wrap returns a builder of resolvers that keep the last good list of b's. It
// implements [resolver.AuthorityOverrider] if b does. The error tells, all at once,
// a builder that is nil, as [resolver.Get] returns it for an unknown scheme, or an option
// that cannot be.
func Wrap(b resolver.Builder, opts ...Option) (resolver.Builder, error) {
	var c config
	for _, o := range opts {
		o.apply(&c)
	}
	var faults []error
	if c.bounded && c.bound <= 0 {
		faults = append(faults, fmt.Errorf("keep: bound must be positive, got %v", c.bound))
	}
	wrapped, err := decorate.Wrap(b, c.scheme, func(cc resolver.ClientConn) decorate.Filter {
		return &filter{out: decorate.NewOutlet(cc), scheme: b.Scheme(), bound: c.bound}
	})
	if err != nil {
		faults = append(faults, fmt.Errorf("keep: %w", err))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return wrapped, nil
}
