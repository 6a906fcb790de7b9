package conns

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// child connects an endpoint of several addresses by gRPC's pick_first, for its
// Happy Eyeballs (RFC 8305). The pick_first sees one update in its life: a second
// one with other attributes would make it drop the connection.
//
// pick_first calls UpdateState with its own lock held, so nothing here calls
// pick_first, nor publishes, on that stack: the manager's timer does.
type child[S any] struct {
	balancer.ClientConn // the channel, to intercept UpdateState

	leaf     *leaf[S]
	endpoint resolver.Endpoint
	idle     bool // since its last report; the manager's mu guards it

	// mu serialises the calls to pick_first. It is taken before pick_first's own
	// lock, and that before the manager's mu.
	mu     sync.Mutex
	policy balancer.Balancer // nil before begin
	ended  bool
}

// newChild returns a connection. The caller holds the manager's mu.
func newChild[S any](l *leaf[S]) *child[S] {
	return &child[S]{ClientConn: l.m.cc, leaf: l, endpoint: l.endpoint}
}

func (c *child[S]) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.policy = balancer.Get(pickfirst.Name).Build(c, c.leaf.m.opts)
	// A pick_first heeds the health service only under a parent that enables it
	// (gRFC A61): chosen by a user, it would ignore health.
	err := c.policy.UpdateClientConnState(balancer.ClientConnState{
		ResolverState: pickfirst.EnableHealthListener(resolver.State{Endpoints: []resolver.Endpoint{c.endpoint}}),
	})
	if err != nil {
		c.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: failing{err}})
	}
}

// wake makes pick_first leave IDLE, or starts anew if there are new attributes.
func (c *child[S]) wake() {
	m := c.leaf.m
	m.mu.Lock()
	var fresh connection
	if c.leaf.conn == c && c.idle {
		fresh = c.leaf.renew()
	}
	m.mu.Unlock()
	if fresh != nil {
		c.end()
		fresh.begin()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.policy != nil && !c.ended {
		c.policy.ExitIdle()
	}
}

func (c *child[S]) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.policy != nil {
		c.policy.Close()
	}
}

// UpdateState takes over what pick_first reports of the endpoint. It holds on to
// TRANSIENT_FAILURE by itself (gRFC A62).
func (c *child[S]) UpdateState(s balancer.State) {
	l, m := c.leaf, c.leaf.m
	sc, err := ask(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.conn != c {
		return
	}
	c.idle = s.ConnectivityState == connectivity.Idle
	switch s.ConnectivityState {
	case connectivity.Idle:
		l.set(connectivity.Connecting, nil, nil)
		m.sleepers = append(m.sleepers, c)
		m.arm(0)
	case connectivity.Ready:
		if sc == nil {
			l.set(connectivity.TransientFailure, nil, err)
			break
		}
		l.set(connectivity.Ready, sc, nil)
	case connectivity.Connecting, connectivity.TransientFailure:
		l.set(s.ConnectivityState, nil, err)
	}
	if m.pending != nothing {
		m.arm(0)
	}
}

// ask finds out what pick_first's picker answers to every pick until its next
// update: the subchannel if READY, the reason if in TRANSIENT_FAILURE.
func ask(s balancer.State) (balancer.SubConn, error) {
	if s.ConnectivityState != connectivity.Ready && s.ConnectivityState != connectivity.TransientFailure {
		return nil, balancer.ErrNoSubConnAvailable
	}
	r, err := s.Picker.Pick(balancer.PickInfo{Ctx: context.Background()})
	if r.Done != nil {
		r.Done(balancer.DoneInfo{}) // nothing was sent
	}
	if err == nil && r.SubConn == nil {
		err = errors.New("pick_first picked nothing")
	}
	return r.SubConn, err
}

// failing is the picker of a pick_first that could not be started.
type failing struct{ err error }

// Pick fails.
func (f failing) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	return balancer.PickResult{}, f.err
}
