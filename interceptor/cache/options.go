package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	defaultMaxBytes     = 64 << 20
	defaultFetchTimeout = 30 * time.Second
	defaultWriteDoubt   = 10 * time.Second
)

// Option configures a [Cache]. Of two options of one name the last one counts.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	policies      *cachepolicy.Set
	annotations   bool
	store         store.Store
	maxBytes      int64
	principal     func(context.Context) (string, error)
	fetchTimeout  time.Duration
	writeDoubt    time.Duration
	mutationCheck bool
	tracer        trace.TracerProvider
	meter         metric.MeterProvider
	logger        *slog.Logger
}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		annotations:  true,
		maxBytes:     defaultMaxBytes,
		fetchTimeout: defaultFetchTimeout,
		writeDoubt:   defaultWriteDoubt,
		logger:       slog.Default(),
	}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	if c.tracer == nil {
		c.tracer = otel.GetTracerProvider()
	}
	if c.meter == nil {
		c.meter = otel.GetMeterProvider()
	}
	err := c.validate()
	return c, err
}

func (c *config) validate() error {
	var errs []error
	if c.fetchTimeout <= 0 {
		errs = append(errs, fmt.Errorf("cache: WithFetchTimeout must be greater than 0s, got %v", c.fetchTimeout))
	}
	if c.writeDoubt < 0 {
		errs = append(errs, fmt.Errorf("cache: WithWriteDoubt must be at least 0s, got %v", c.writeDoubt))
	}
	if c.store == nil && c.maxBytes < minMaxBytes {
		errs = append(errs, fmt.Errorf("cache: WithMaxBytes must be at least %d, got %d", minMaxBytes, c.maxBytes))
	}
	return errors.Join(errs...)
}

// WithPolicies lays a set of policies, usually a policy file's, over the
// annotations: of a method that both speak of, the set's policy replaces the
// annotation whole. The default is no set.
//
// An annotation that cannot be honoured makes [New] fail although the set
// replaces it; [WithoutAnnotations] is then the way out. A server with package
// origin says its own rule's lifetime with each reply, and the shorter one
// counts: to lengthen it, give the set to the server, too.
func WithPolicies(s *cachepolicy.Set) Option {
	return optionFunc(func(c *config) { c.policies = s })
}

// WithoutAnnotations ignores the policies that linked-in services are annotated
// with, so that only [WithPolicies] counts. The default is to honour them.
func WithoutAnnotations() Option {
	return optionFunc(func(c *config) { c.annotations = false })
}

// WithStore keeps replies in s, which the caller closes after the cache. The
// default is a store of the cache's own on BigCache, of [WithMaxBytes].
//
// An operation of s has 250 ms, and a Get no more than a tenth of what is left of
// the caller's deadline; those who wait for a reply wait at most 5 ms more for its
// being stored. What takes longer is a miss.
func WithStore(s store.Store) Option {
	return optionFunc(func(c *config) { c.store = s })
}

// WithMaxBytes bounds the memory of what is cached; at least 1 MiB, by default 64 MiB.
// An eighth is for decoded replies (from 8 MiB on), a sixteenth for what validations
// have renewed, and the rest for the default store, index included. The default store
// takes no replies of more than about 20 kB at 1 MiB, 460 kB at 64 MiB, 1.9 MB at 1 GiB. It
// also sets how many invalidations are remembered exactly, beside that: one for each 64
// bytes, at most 800,000. With [WithStore] the store is the caller's matter, and the
// rest as it is without.
func WithMaxBytes(n int64) Option {
	return optionFunc(func(c *config) { c.maxBytes = n })
}

// WithPrincipal names who calls, from the call's context, for rules of scope
// PRINCIPAL: a reply is then shown only to the principal whose call fetched it.
// "" is the anonymous principal, and all calls for which f returns it share their
// replies. An error bypasses the cache for that call. f sees the context as it is
// when the call reaches the cache, and not what an interceptor behind it adds
// (an authorization header, say): where it cannot tell who calls it must return
// an error, not "".
//
// Without an extractor, the default, nothing of such rules is cached: the
// credentials of a channel cannot be seen by an interceptor. f is called once a
// call, concurrently, and must be quick.
func WithPrincipal(f func(context.Context) (string, error)) Option {
	return optionFunc(func(c *config) { c.principal = f })
}

// WithFetchTimeout sets a flight's maximum age, by default 30 s: for how long
// after its start further callers may join a call to the origin, and how long
// one goes on that nobody waits for. A caller's wait is bounded by the caller's
// own context alone.
func WithFetchTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.fetchTimeout = d })
}

// WithWriteDoubt sets for how long after a mutation that failed without saying
// whether it took effect (UNAVAILABLE, DEADLINE_EXCEEDED, …) the replies of its
// groups are returned and not stored; by default 10 s. It should exceed the time
// that a server may still take to commit a write whose caller is gone.
func WithWriteDoubt(d time.Duration) Option {
	return optionFunc(func(c *config) { c.writeDoubt = d })
}

// WithMutationCheck is for tests and for looking for a bug: under rules with shared_reply
// each use of a shared reply checks that no caller has changed what lies within it, and panics,
// naming the method, if one has. It costs an encoding of the reply for each hit.
// The default is not to look.
func WithMutationCheck() Option {
	return optionFunc(func(c *config) { c.mutationCheck = true })
}

// WithTracerProvider sets where spans go; by default the global provider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return optionFunc(func(c *config) { c.tracer = p })
}

// WithMeterProvider sets where metrics go; by default the global provider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *config) { c.meter = p })
}

// WithLogger sets the logger, by default slog.Default(). The cache logs what
// keeps it from working, once a cause and method, and never a request, a reply
// or a key.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(c *config) {
		if l != nil {
			c.logger = l
		}
	})
}
