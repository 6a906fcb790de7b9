package conns

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// leaf is one endpoint. The manager's mu guards all but the first three
// fields, which do not change.
type leaf[S any] struct {
	m      *Manager[S]
	key    string
	learnt *S

	endpoint resolver.Endpoint
	// conn is nil while the endpoint is switched off, and after it was removed. An
	// event of another connection than this one comes too late to matter.
	conn connection
	// dialled is what conn was made with. It may lack the latest attributes.
	dialled []resolver.Address

	state      connectivity.State
	err        error  // of TRANSIENT_FAILURE
	failedAt   uint64 // orders the failures of all leaves
	sc         balancer.SubConn
	generation uint64

	handedOut *Leaf[S] // nil if something of it has changed since
}

// connection is what connects a leaf, and tells the leaf of its state. Its methods
// call into gRPC, so they are called without the manager's mu.
type connection interface {
	// begin starts to connect. It is called once.
	begin()
	// wake lets go on what does not by itself.
	wake()
	// end shuts down. Calls in flight may finish. Nothing is called after it but
	// a begin that it overtook.
	end()
}

// handOut is the leaf as others see it. The caller holds mu.
func (l *leaf[S]) handOut() *Leaf[S] {
	if l.handedOut == nil {
		l.handedOut = &Leaf[S]{Key: l.key, Endpoint: l.endpoint, SubConn: l.sc, Generation: l.generation, Learnt: l.learnt}
	}
	return l.handedOut
}

// set takes over a state that the leaf's connection reports; sc is the subchannel
// if that is READY, err the reason if that is TRANSIENT_FAILURE. It notes what is
// to be published, and how soon. The caller holds mu.
func (l *leaf[S]) set(state connectivity.State, sc balancer.SubConn, err error) {
	m, before, aggregate := l.m, l.state, l.m.counts.aggregate()
	if state == connectivity.TransientFailure {
		m.failures++
		l.failedAt, l.err = m.failures, err
	}
	if state == before && sc == l.sc {
		if state == connectivity.TransientFailure && aggregate == state {
			m.note(soon) // with another error
		}
		return
	}
	m.counts[before]--
	m.counts[state]++
	l.state, l.sc, l.handedOut = state, sc, nil
	if state == connectivity.Ready {
		l.generation++
	}
	switch {
	case before == connectivity.Ready:
		m.note(quickly) // calls that pick it must pick again
	case state == connectivity.Ready && aggregate != connectivity.Ready:
		m.note(now) // calls are waiting for it
	default:
		m.note(soon)
	}
}

// connect gives the leaf a new connection, which the caller has to begin, as he has
// to end a former one. The caller holds mu.
func (l *leaf[S]) connect() connection {
	l.conn, l.dialled = l.m.dial(l), l.endpoint.Addresses
	l.set(connectivity.Connecting, nil, nil)
	return l.conn
}

// renew is connect, but returns nil if the connection was made with the latest
// attributes. It is for a moment when nothing is connected. The caller holds mu.
func (l *leaf[S]) renew() connection {
	if sameAddresses(l.dialled, l.endpoint.Addresses) {
		return nil
	}
	return l.connect()
}

// disconnect takes the leaf's connection away, which the caller has to end; nil if
// there is none. The caller holds mu.
func (l *leaf[S]) disconnect() connection {
	c := l.conn
	l.conn = nil
	l.set(connectivity.Idle, nil, nil)
	return c
}

// dialOwn returns the connection that suits the endpoint. The caller holds mu.
func dialOwn[S any](l *leaf[S]) connection {
	if a, ok := single(l.endpoint); ok {
		return &subchannel[S]{leaf: l, address: a}
	}
	return newChild(l)
}
