package conns

import (
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// subchannel connects an endpoint of one address. Its states are those that
// pick_first has for one address:
//
//	subchannel           endpoint                              does
//	IDLE after READY     becomes CONNECTING                    connects
//	IDLE after backoff   stays in TRANSIENT_FAILURE            connects
//	CONNECTING           is CONNECTING, or stays as above
//	READY                is CONNECTING until health is known   asks for health
//	READY and judged     is what its health is
//	TRANSIENT_FAILURE    is that, too                          leaves backoff to gRPC
//
// Staying is the sticky TRANSIENT_FAILURE of gRFC A62: without it, endpoints that
// nobody can reach would show as CONNECTING most of the time, and calls would
// wait instead of failing.
type subchannel[S any] struct {
	leaf    *leaf[S]
	address resolver.Address

	// The manager's mu guards these.
	sc      balancer.SubConn
	raw     connectivity.State
	refused bool // gRPC made no subchannel
}

func (c *subchannel[S]) begin() {
	m := c.leaf.m
	//nolint:staticcheck // deprecated only for several addresses
	sc, err := m.cc.NewSubConn([]resolver.Address{c.address}, balancer.NewSubConnOptions{StateListener: c.changed})
	m.mu.Lock()
	current := c.leaf.conn == c
	switch {
	case !current:
	case err != nil:
		// The channel is closing, or a parent forbids it. ExitIdle tries again.
		c.refused = true
		c.leaf.set(connectivity.TransientFailure, nil, err)
	default:
		c.sc = sc
	}
	m.mu.Unlock()
	switch {
	case err != nil:
	case current:
		sc.Connect()
	default:
		sc.Shutdown()
	}
}

func (c *subchannel[S]) wake() {
	c.leaf.m.mu.Lock()
	again := c.leaf.conn == c && c.refused
	if again {
		c.refused = false
	}
	c.leaf.m.mu.Unlock()
	if again {
		c.begin()
	}
}

func (c *subchannel[S]) end() {
	c.leaf.m.mu.Lock()
	sc := c.sc
	c.leaf.m.mu.Unlock()
	if sc != nil {
		sc.Shutdown()
	}
}

// changed is the subchannel's state listener.
func (c *subchannel[S]) changed(s balancer.SubConnState) {
	l, m := c.leaf, c.leaf.m
	m.mu.Lock()
	if l.conn != c {
		m.mu.Unlock()
		return
	}
	sc, before := c.sc, c.raw
	c.raw = s.ConnectivityState
	var act func()
	switch s.ConnectivityState {
	case connectivity.Idle:
		act = sc.Connect
		if before == connectivity.TransientFailure {
			break
		}
		// The connection is lost, or was before gRPC could say that it was READY.
		l.set(connectivity.Connecting, nil, nil)
		if fresh := l.renew(); fresh != nil {
			act = func() { c.end(); fresh.begin() }
		}
	case connectivity.Connecting:
		if l.state != connectivity.TransientFailure {
			l.set(connectivity.Connecting, nil, nil)
		}
	case connectivity.Ready:
		l.set(connectivity.Connecting, nil, nil)
		act = func() { sc.RegisterHealthListener(c.judged) }
	case connectivity.TransientFailure:
		l.set(connectivity.TransientFailure, nil, s.ConnectionError)
	}
	m.mu.Unlock()
	if act != nil {
		act()
	}
	m.flush()
}

// judged is the subchannel's health listener. gRPC drops it when the subchannel's
// state changes. gRPC calls it with a lock held that RegisterHealthListener takes.
func (c *subchannel[S]) judged(s balancer.SubConnState) {
	l, m := c.leaf, c.leaf.m
	m.mu.Lock()
	if l.conn != c || c.raw != connectivity.Ready {
		m.mu.Unlock()
		return
	}
	switch s.ConnectivityState {
	case connectivity.Ready:
		l.set(connectivity.Ready, c.sc, nil)
	case connectivity.TransientFailure:
		l.set(connectivity.TransientFailure, nil, fmt.Errorf("health check failure: %v", s.ConnectionError)) //nolint:errorlint // it may be nil
	case connectivity.Connecting:
		l.set(connectivity.Connecting, nil, nil)
	}
	m.mu.Unlock()
	m.flush()
}
