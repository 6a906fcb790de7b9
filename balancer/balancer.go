package balancer

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/grpclog"

	"github.com/freshet-io/freshet/balancer/internal/conns"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/memory"
	"github.com/freshet-io/freshet/balancer/internal/plan"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

var logger = grpclog.Component("freshet")

// freshet is one channel's balancer. Below it, a manager holds the connections
// and says which endpoints are ready; freshet makes pickers of that.
//
// gRPC serialises the calls from above; the manager serialises its publications.
type freshet struct {
	cc      balancer.ClientConn
	clock   clock
	calls   calls
	lease   *memory.Lease[plan.Endpoint]
	channel *plan.Channel
	conns   *conns.Manager[plan.Endpoint]
	meter   meter
	probes  *probes

	// waiting: calls wait for room at an endpoint.
	waiting atomic.Bool
	// established: the resolver has returned endpoints.
	established atomic.Bool
	closing     atomic.Bool

	mu     sync.Mutex
	config Config
	zone   string // the client's own

	sending sync.Mutex
	sent    balancer.State
	closed  bool
}

func (b *freshet) now() int64 { return b.clock.now() }

// UpdateClientConnState takes over a configuration and a list of endpoints.
func (b *freshet) UpdateClientConnState(ccs balancer.ClientConnState) error {
	c, ok := ccs.BalancerConfig.(*lbConfig)
	if !ok {
		logger.Errorf("Received a config of unexpected type %T", ccs.BalancerConfig)
		return balancer.ErrBadResolverState
	}
	changed := b.configure(c.Config)
	endpoints := ccs.ResolverState.Endpoints
	err := b.conns.Update(endpoints, subsetOf(c.Config, b.ownZone(), endpoints))
	if changed {
		b.conns.Republish()
	}
	if len(endpoints) > 0 {
		b.established.Store(true)
	}
	return err
}

func (b *freshet) ownZone() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.zone
}

// configure reports whether pickers must be made anew.
func (b *freshet) configure(c Config) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c == b.config {
		return false
	}
	logger.Infof("Configured: %+v", c)
	b.config = c
	b.zone = c.Zone
	if b.zone == "" {
		b.zone = os.Getenv("FRESHET_ZONE")
	}
	return true
}

// ResolverError passes on a failure of the resolver.
func (b *freshet) ResolverError(err error) { b.conns.ResolverError(err) }

// UpdateSubConnState is not called: subchannels have listeners.
func (b *freshet) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle makes idle endpoints connect.
func (b *freshet) ExitIdle() { b.conns.ExitIdle() }

// Close shuts the connections down.
func (b *freshet) Close() {
	open.Delete(b)
	b.closing.Store(true)
	b.probes.close()
	b.clock.close()
	b.conns.Close()
	b.sending.Lock()
	b.closed = true
	b.sending.Unlock()
	b.count()
	b.lease.Close(time.Now())
}

// Swept records what happened since the last time.
func (b *freshet) Swept(priority int, s eject.Summary) {
	b.meter.swept(priority, s)
	b.count()
}

// Ejected records that an endpoint has failed too often in a row.
func (b *freshet) Ejected(*plan.Endpoint) { b.meter.ejected(eject.ConsecutiveFailures, 1) }

// count records the picks since the last time.
func (b *freshet) count() {
	var total [plan.Rules]int64
	for _, l := range b.conns.Leaves() {
		for r, n := range l.Learnt.Picks() {
			total[r] += n
		}
	}
	b.meter.picks(&total)
}

// learn remembers an endpoint, or begins to know it. Those that the resolver returned first are not
// new because the client is.
func (b *freshet) learn(key string) *plan.Endpoint {
	e := b.lease.Take(key)
	if !b.established.Load() {
		e.Settle()
	}
	return e
}

// forget keeps the counts of an endpoint that has left. What the resolver no longer
// returns may be another server when it does again; what is there at Close is kept.
func (b *freshet) forget(key string, e *plan.Endpoint) {
	b.meter.departed(e)
	if !b.closing.Load() {
		b.lease.Drop(key)
	}
}

// publish gives the channel a picker for what is ready. Without a READY endpoint
// calls are queued while something is connecting, and else fail with the last error.
func (b *freshet) publish(s conns.Snapshot[plan.Endpoint]) {
	if logger.V(2) {
		logger.Infof("%d endpoints are ready, aggregated state is %v", len(s.Ready), s.Aggregate)
	}
	b.probes.keep(s.Ready)
	state := balancer.State{ConnectivityState: s.Aggregate}
	switch s.Aggregate {
	case connectivity.Ready:
		state.Picker = b.newPicker(s.Ready)
	case connectivity.TransientFailure:
		state.Picker = base.NewErrPicker(s.Err)
	default:
		state.Picker = base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	b.send(&state)
	b.meter.connections(s.Counts)
}

// send gives the channel a state; nil is the last one again, which wakes the calls that
// wait.
func (b *freshet) send(s *balancer.State) {
	b.sending.Lock()
	defer b.sending.Unlock()
	if s != nil {
		b.sent = *s
	}
	if b.sent.Picker != nil && !b.closed {
		b.cc.UpdateState(b.sent)
	}
}

func (b *freshet) newPicker(ready []*conns.Leaf[plan.Endpoint]) *picker {
	b.mu.Lock()
	params := b.config.params()
	params.Zone = b.zone
	b.mu.Unlock()
	p := &picker{b: b, nodes: make([]node, len(ready))}
	members := make([]plan.Member, len(ready))
	for i, leaf := range ready {
		about := endpoint.Get(leaf.Endpoint)
		members[i] = plan.Member{
			Endpoint: leaf.Learnt, ID: leaf.Key,
			Zone: about.Zone, Priority: about.Priority, Drained: about.Draining,
		}
		p.nodes[i] = node{key: leaf.Key, address: leaf.Endpoint.Addresses[0].Addr, generation: leaf.Generation, conn: leaf.SubConn}
	}
	p.plan = b.channel.Plan(b.now(), params, members, b.totals(members))
	return p
}

// totals counts the endpoints of each priority that are connected or have failed
// to; those that are still trying for the first time are no sign of ill health.
func (b *freshet) totals(ready []plan.Member) map[int]int {
	if !slices.ContainsFunc(ready, func(m plan.Member) bool { return m.Priority != ready[0].Priority }) {
		return nil
	}
	totals := make(map[int]int)
	for _, l := range b.conns.Leaves() {
		if l.State == connectivity.Ready || l.State == connectivity.TransientFailure {
			totals[endpoint.Priority(l.Endpoint)]++
		}
	}
	return totals
}
