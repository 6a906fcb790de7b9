package conns

import (
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// Hooks are how a manager talks to the policy above it.
type Hooks[S any] struct {
	// Publish takes over a new state. Calls come one at a time, in order, from
	// several goroutines. No lock of the manager is held, and Publish may call
	// Switch, Republish and Leaves, but neither Update nor Close. Update, Switch,
	// ResolverError and Republish may call Publish before they return: a lock that
	// it takes must not be held then. Compulsory.
	Publish func(Snapshot[S])
	// Learn returns what is known of an endpoint that the resolver has returned
	// for the first time, or again. It must not call the manager, whose lock is
	// held. Default: a new S.
	Learn func(key string) *S
	// Forget is told of an endpoint that the resolver no longer returns, or that
	// was there at Close, after the publication without it. Calls in flight may
	// still use what was learnt. Default: nothing.
	Forget func(key string, learnt *S)
}

// Manager holds the connections of one balancer. Its methods may be called
// concurrently.
type Manager[S any] struct {
	cc    balancer.ClientConn
	opts  balancer.BuildOptions
	hooks Hooks[S]
	dial  func(*leaf[S]) connection // called with mu held

	// mu is held for bookkeeping only, never while anything of gRPC or Publish is
	// called: pick_first and gRPC's health checking call the manager with locks of
	// their own held.
	mu     sync.Mutex
	closed bool
	leaves []*leaf[S] // in the order of their first appearance
	byKey  map[string]*leaf[S]
	counts tally

	failures    uint64 // so far
	resolverErr error  // since the last update

	pending    urgency
	publishing bool
	published  *sync.Cond // on mu: publishing has become false
	lastEnd    time.Time  // of a publication; zero before the first
	lastReady  int        // how many endpoints were READY in it
	timer      *time.Timer
	due        time.Time    // when the timer fires; zero if it does not
	sleepers   []connection // to be woken by the timer
}

// New returns a manager without endpoints, which connects through cc; opts are those
// of Build. Close it.
func New[S any](cc balancer.ClientConn, opts balancer.BuildOptions, hooks Hooks[S]) *Manager[S] {
	if hooks.Learn == nil {
		hooks.Learn = func(string) *S { return new(S) }
	}
	if hooks.Forget == nil {
		hooks.Forget = func(string, *S) {}
	}
	m := &Manager[S]{cc: cc, opts: opts, hooks: hooks, dial: dialOwn[S], byKey: map[string]*leaf[S]{}}
	m.published = sync.NewCond(&m.mu)
	return m
}

// ResolverError notes that the resolver has failed. Endpoints that it returned
// before stay in use; the error shows where there is nothing to pick, until the
// next Update.
func (m *Manager[S]) ResolverError(err error) {
	m.mu.Lock()
	known := m.resolverErr != nil && m.resolverErr.Error() == err.Error()
	m.resolverErr = err
	if !known && m.counts.aggregate() == connectivity.TransientFailure {
		m.note(now)
	}
	m.mu.Unlock()
	m.flush()
}

// ExitIdle connects every endpoint that is switched on and is not connected. That
// is none but those to which gRPC refused a subchannel before: all others connect
// by themselves.
func (m *Manager[S]) ExitIdle() {
	m.mu.Lock()
	idle := make([]connection, 0, len(m.leaves))
	for _, l := range m.leaves {
		if l.conn != nil && l.state != connectivity.Ready {
			idle = append(idle, l.conn)
		}
	}
	m.mu.Unlock()
	for _, c := range idle {
		c.wake()
	}
	m.flush()
}

// Republish publishes the present state once more, for a policy that makes other
// pickers than before.
func (m *Manager[S]) Republish() {
	m.mu.Lock()
	m.note(now)
	m.mu.Unlock()
	m.flush()
}

// Leaves returns the state of every endpoint, in the order in which the resolver
// first returned them.
func (m *Manager[S]) Leaves() []Status[S] {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Status[S], 0, len(m.leaves))
	for _, l := range m.leaves {
		s := Status[S]{Leaf: l.handOut(), On: l.conn != nil, State: l.state}
		if l.state == connectivity.TransientFailure {
			s.Err = l.err
		}
		all = append(all, s)
	}
	return all
}

// Close shuts every subchannel down. When it returns, Publish is not running and
// will not be called again. A second Close does nothing.
func (m *Manager[S]) Close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	if m.timer != nil {
		m.timer.Stop()
	}
	gone := m.leaves
	ends := make([]connection, 0, len(gone))
	for _, l := range gone {
		if l.conn != nil {
			ends = append(ends, l.disconnect())
		}
	}
	m.leaves, m.byKey, m.counts, m.sleepers = nil, nil, tally{}, nil
	for m.publishing {
		m.published.Wait()
	}
	m.mu.Unlock()
	for _, c := range ends {
		c.end()
	}
	for _, l := range gone {
		m.hooks.Forget(l.key, l.learnt)
	}
}
