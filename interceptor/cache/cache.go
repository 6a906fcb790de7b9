package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/decoded"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

const (
	minMaxBytes = 1 << 20
	// maxRemembered bounds the groups that the invalidation clock remembers, at
	// 20 to 30 bytes each; a smaller cache remembers fewer.
	maxRemembered = 800_000
)

// Cache answers unary calls from stored replies where their methods' rules
// allow. One Cache serves any number of channels, which share its memory. A reply
// belongs to the canonical target that it came from, and is shared by all
// channels to that target: channels whose servers tell them apart by something
// that an interceptor cannot see (grpc.WithAuthority, credentials of the channel
// under scope PUBLIC) need a Cache each. It is safe for concurrent use.
type Cache struct {
	policies     *cachepolicy.Set
	store        store.Store
	ownsStore    bool
	toucher      store.Toucher // the store, if it is one
	principal    func(context.Context) (string, error)
	fetchTimeout time.Duration
	writeDoubt   time.Duration
	logger       *slog.Logger
	telemetry    *telemetry

	base          time.Time // of every duration the cache keeps
	space         uint64    // keeps caches that share a store apart
	seed          maphash.Seed
	clock         *epoch.Clock
	flight        *flights
	loners        loners
	backoff       backoffs
	renewals      *renewals
	history       *epoch.History // nil where no rule has a hold-off
	refreshing    atomic.Int64   // calls in the background now
	count         counters
	closed        atomic.Bool
	weak          weak
	mutationCheck bool
	decoded       *decoded.Tier[resident] // nil for a small cache

	targets    targets
	lastTarget atomic.Pointer[channelTarget]

	methods   atomic.Pointer[map[string]*method]
	methodsMu sync.Mutex
}

// New returns a Cache for the policies that linked-in services are annotated
// with and those of [WithPolicies]. The error names every impossible rule and
// every option out of its bounds at once. [Cache.Close] gives the memory back.
func New(opts ...Option) (*Cache, error) {
	cfg, err := newConfig(opts)
	policies := cfg.policies
	if cfg.annotations {
		own, annErr := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
		err = errors.Join(err, annErr)
		policies = cachepolicy.Merge(own, policies)
	}
	tele, teleErr := newTelemetry(cfg)
	if err := errors.Join(err, teleErr); err != nil {
		return nil, err
	}
	c := &Cache{
		policies:      policies,
		store:         cfg.store,
		principal:     cfg.principal,
		fetchTimeout:  cfg.fetchTimeout,
		writeDoubt:    cfg.writeDoubt,
		mutationCheck: cfg.mutationCheck,
		logger:        cfg.logger,
		telemetry:     tele,
		base:          time.Now(),
		space:         rand.Uint64(),
		seed:          maphash.MakeSeed(),
		clock:         epoch.New(int(min(cfg.maxBytes/64, maxRemembered))),
	}
	share := divide(cfg.maxBytes)
	c.renewals = newRenewals(share.renewals)
	if share.decoded > 0 {
		c.decoded = decoded.New[resident](share.decoded)
	}
	if d := longestHoldOff(policies); d > 0 {
		c.history = epoch.NewHistory(d)
	}
	c.flight = newFlights(&c.closed, c.now)
	c.methods.Store(&map[string]*method{})
	if c.store == nil {
		s, err := bigcachestore.New(bigcachestore.WithMaxBytes(share.store))
		if err != nil {
			return nil, err
		}
		c.store, c.ownsStore = s, true
	}
	c.toucher, _ = c.store.(store.Toucher)
	return c, nil
}

// now returns the time since the cache's base, on the monotonic clock: steps of
// the wall clock change no age.
func (c *Cache) now() time.Duration { return time.Since(c.base) }

// Close ends the cache: calls pass it by from now on, calls to the origin that
// nobody waits for are cancelled, and the default store is closed. Calls under
// way end as they would. A second Close does nothing.
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.flight.cancelUnwaited()
	c.decoded.Clear()
	if c.ownsStore {
		return c.store.Close()
	}
	return nil
}

// UnaryClientInterceptor answers calls from the cache, keeps replies, and hears
// invalidations. Interceptors that set credentials, tenant or deadline belong
// before it; those that retry, hedge or log attempts behind it. An interceptor
// behind it that changes replies changes them for the caller that fetched, and
// not in the store.
func (c *Cache) UnaryClientInterceptor() grpc.UnaryClientInterceptor { return c.unary }

// StreamClientInterceptor passes streams through; the invalidations that they
// bring, and those of annotated methods, are heard.
func (c *Cache) StreamClientInterceptor() grpc.StreamClientInterceptor { return c.stream }

// DialOptions returns both interceptors, to be chained behind those given to the
// channel before.
func (c *Cache) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(c.UnaryClientInterceptor()),
		grpc.WithChainStreamInterceptor(c.StreamClientInterceptor()),
	}
}
