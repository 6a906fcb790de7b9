package subset

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

// maxSize bounds the size. Beyond it nothing is saved.
const maxSize = 100_000

// Option changes what [Wrap] does. Of options of one name the last counts.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	scheme string
	named  bool
	client string
}

// WithClient names this client. Clients with different names choose
// independently, and a name chooses the same at each start. It must not be
// empty. The default is the host's name, which is that of the pod in Kubernetes;
// where several clients share a host it must be set, or they all choose the same.
func WithClient(name string) Option {
	return option(func(c *config) { c.named, c.client = true, name })
}

// WithScheme gives the builder a scheme of its own, under which it can be
// registered beside the one it wraps, which is still given targets of its own
// scheme. The default is the scheme of the builder that is wrapped.
func WithScheme(scheme string) Option {
	return option(func(c *config) { c.scheme = scheme })
}

// Wrap returns a builder of resolvers that hand on size endpoints of each tier
// of b's lists, or all if there are no more. It implements
// [resolver.AuthorityOverrider] if b does. The error tells, all at once, a
// builder that is nil, as [resolver.Get] returns it for an unknown scheme, a size
// that is not between 1 and 100,000, or an option that cannot be.
func Wrap(b resolver.Builder, size int, opts ...Option) (resolver.Builder, error) {
	var c config
	for _, o := range opts {
		o.apply(&c)
	}
	if !c.named {
		c.client = host()
	}
	var faults []error
	if size < 1 || size > maxSize {
		faults = append(faults, fmt.Errorf("subset: size must be between 1 and %d, got %d", maxSize, size))
	}
	if c.client == "" {
		faults = append(faults, errors.New("subset: the client's name must not be empty"))
	}
	wrapped, err := decorate.Wrap(b, c.scheme, func(cc resolver.ClientConn) decorate.Filter {
		return &filter{out: decorate.NewOutlet(cc), size: size, client: c.client}
	})
	if err != nil {
		faults = append(faults, fmt.Errorf("subset: %w", err))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return wrapped, nil
}

// host returns the host's name, and where it has none one at random: a name that
// all such hosts had would make them choose the same.
func host() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return rand.Text()
}

// filter cuts lists down.
type filter struct {
	size   int
	client string

	mu     sync.Mutex
	out    *decorate.Outlet
	closed bool
}

func (f *filter) Update(s resolver.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	return f.out.Publish(list.With(s, choose(list.Unique(list.Endpoints(s)), f.size, f.client)))
}

func (f *filter) Error(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.out.Fail(err)
	}
}

func (f *filter) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
