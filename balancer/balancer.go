package balancer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

var errNoAddresses = errors.New("the resolver returned no addresses")

var logger = grpclog.Component("freshet")

// freshet is one channel's balancer. Below it, endpointsharding runs a pick_first
// for each endpoint; above, it replaces the picker.
//
// gRPC serialises the calls from above. UpdateState comes from below at any time,
// under endpointsharding's lock: so mu is taken inside of that lock, and never
// held while child is called.
type freshet struct {
	balancer.ClientConn // to intercept UpdateState; set at build

	base  time.Time // of all times; set at build
	pool  *choose.Pool
	child balancer.Balancer

	mu     sync.Mutex
	params choose.Params
	// absence is why there are no endpoints, where there are none.
	absence error
	// learnt is keyed by the set of addresses, ignoring attributes and order.
	learnt *resolver.EndpointMap[*choose.Endpoint]
}

// UpdateClientConnState takes over a configuration and a list of endpoints.
func (b *freshet) UpdateClientConnState(ccs balancer.ClientConnState) error {
	c, ok := ccs.BalancerConfig.(*lbConfig)
	if !ok {
		logger.Errorf("Received a config of unexpected type %T", ccs.BalancerConfig)
		return balancer.ErrBadResolverState
	}
	b.configure(c.Config)
	// A pick_first without addresses would try to connect without end.
	ccs.ResolverState.Endpoints = slices.DeleteFunc(slices.Clone(ccs.ResolverState.Endpoints),
		func(e resolver.Endpoint) bool { return len(e.Addresses) == 0 })
	b.explain(errNoAddresses)
	// A pick_first watches the health service only under a parent that enables
	// it (gRFC A61): chosen by a user, it would ignore health.
	err := b.child.UpdateClientConnState(balancer.ClientConnState{
		ResolverState: pickfirst.EnableHealthListener(ccs.ResolverState),
	})
	b.forget(ccs.ResolverState.Endpoints)
	return err
}

func (b *freshet) configure(c Config) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := choose.Params{PoolSize: c.PoolSize, Expiry: c.ReportExpiry, Decay: c.EWMADecay}
	if p == b.params {
		return
	}
	logger.Infof("Configured: %+v", c)
	b.params = p
	b.pool.Resize(p.PoolSize)
}

// forget drops what was learnt of endpoints that are not among those that stay.
func (b *freshet) forget(stay []resolver.Endpoint) {
	kept := resolver.NewEndpointMap[struct{}]()
	for _, e := range stay {
		kept.Set(e, struct{}{})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := range b.learnt.All() {
		if _, ok := kept.Get(e); !ok {
			b.learnt.Delete(e)
		}
	}
}

// ResolverError passes on a failure of the resolver.
func (b *freshet) ResolverError(err error) {
	b.explain(err)
	b.child.ResolverError(err)
}

func (b *freshet) explain(absence error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.absence = absence
}

// UpdateSubConnState is not called: pick_first registers listeners.
func (b *freshet) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle makes idle endpoints connect.
func (b *freshet) ExitIdle() { b.child.ExitIdle() }

// Close shuts the children down.
func (b *freshet) Close() { b.child.Close() }

// UpdateState intercepts the child's pickers and replaces those that have READY
// endpoints. Otherwise the child's own does what round_robin's does: it queues
// while something is connecting, and else fails with the last error; only without
// any endpoint it would not say why there are none.
func (b *freshet) UpdateState(s balancer.State) {
	var ready []endpointsharding.ChildState
	children := endpointsharding.ChildStatesFromPicker(s.Picker)
	for _, c := range children {
		if c.State.ConnectivityState == connectivity.Ready {
			ready = append(ready, c)
		}
	}
	if logger.V(2) {
		logger.Infof("%d endpoints are ready, aggregated state is %v", len(ready), s.ConnectivityState)
	}
	switch {
	case len(ready) > 0:
		s.Picker = b.newPicker(ready)
	case len(children) == 0:
		b.mu.Lock()
		s.Picker = base.NewErrPicker(fmt.Errorf("no endpoints: %w", b.absence))
		b.mu.Unlock()
	}
	b.ClientConn.UpdateState(s)
}

func (b *freshet) newPicker(ready []endpointsharding.ChildState) *picker {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &picker{base: b.base, pool: b.pool, params: b.params, nodes: make([]node, len(ready))}
	members := make([]*choose.Endpoint, len(ready))
	for i, c := range ready {
		e, ok := b.learnt.Get(c.Endpoint)
		if !ok {
			e = new(choose.Endpoint)
			b.learnt.Set(c.Endpoint, e)
		}
		members[i] = e
		p.nodes[i] = node{endpoint: e, address: c.Endpoint.Addresses[0].Addr, child: c.State.Picker}
	}
	p.set = choose.NewSet(p.params, b.pool, members)
	return p
}
