package origin

import (
	"log/slog"

	"github.com/freshet-io/freshet/cachepolicy"
)

// Option configures an [Origin]. Of two options of one name the last one counts.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	policies    *cachepolicy.Set
	annotations bool
	prefix      func(target string) string
	logger      *slog.Logger

	automaticETags bool
}

func newConfig(opts []Option) *config {
	c := &config{annotations: true, logger: slog.Default()}
	for _, o := range opts {
		o.apply(c)
	}
	return c
}

// WithPolicies lays a set of policies, usually a policy file's, over the
// annotations: of a method that both speak of, the set's policy replaces the
// annotation whole. The default is no set. An annotation that cannot be honoured
// makes [New] fail although the set replaces it; see [WithoutAnnotations].
func WithPolicies(s *cachepolicy.Set) Option {
	return optionFunc(func(c *config) { c.policies = s })
}

// WithoutAnnotations ignores the policies that linked-in services are annotated
// with, so that only [WithPolicies] counts. The default is to honour them.
func WithoutAnnotations() Option {
	return optionFunc(func(c *config) { c.annotations = false })
}

// WithLogger sets the logger, by default slog.Default(). What keeps replies from
// being reused, and invalidations from being heard, is logged once a cause and
// method; requests, replies and groups never are.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(c *config) {
		if l != nil {
			c.logger = l
		}
	})
}

// WithDownstreamPrefix names the downstream behind a channel, from the channel's
// canonical target (grpc.ClientConn.CanonicalTarget): the groups of its replies
// appear in this server's replies as name + "/" + group. The default is the
// target itself. A name of more than 64 bytes is replaced by its hash.
//
// Every replica of a server must give a downstream the same name, or the writes
// through one do not invalidate what was read through another. So an f is needed
// where replicas dial one downstream by different targets. Two downstreams of
// one name share their groups, which costs needless misses. f is called once a
// call, concurrently, and must be quick and always say the same.
func WithDownstreamPrefix(f func(target string) string) Option {
	return optionFunc(func(c *config) { c.prefix = f })
}
