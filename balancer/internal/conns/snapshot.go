package conns

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// Leaf is one endpoint with its connection, as it was when the Leaf was handed
// out. It is immutable but for what Learnt points to, and the same pointer as long
// as nothing of it changes.
type Leaf[S any] struct {
	// Key names the endpoint: its set of addresses (Addr and ServerName), in any
	// order, whatever the attributes.
	Key string
	// Endpoint is as the resolver returned it last, with the latest attributes.
	Endpoint resolver.Endpoint
	// SubConn is the subchannel to send on, and to build producers on; nil if the
	// endpoint is not READY.
	SubConn balancer.SubConn
	// Generation counts how often the endpoint became READY. gRPC closes a
	// producer when the state of its subchannel changes, so a new generation wants
	// new producers.
	Generation uint64
	// Learnt is what Hooks.Learn returned for this endpoint: the same pointer as
	// long as the resolver returns the endpoint.
	Learnt *S
}

// Counts is how many endpoints are in each state. Idle ones are those that are
// switched off.
type Counts struct {
	Ready, Connecting, Idle, TransientFailure int
}

// Snapshot is what a picker is made of. It is immutable.
type Snapshot[S any] struct {
	// Ready has the endpoints that are READY, in the order in which the resolver
	// first returned them.
	Ready []*Leaf[S]
	// Counts covers all endpoints that the resolver returned.
	Counts Counts
	// Aggregate is the state of the channel: READY if any endpoint is, else
	// CONNECTING if any is, else TRANSIENT_FAILURE if any is or if there are no
	// endpoints, else IDLE: every endpoint is switched off.
	Aggregate connectivity.State
	// Err says why there is nothing to pick; nil unless Aggregate is
	// TRANSIENT_FAILURE. It is no status error, even where its cause was one: gRPC
	// would fail calls that wait for ready with it.
	Err error
}

// Status is the state of one endpoint, to be shown to people.
type Status[S any] struct {
	*Leaf[S]

	On    bool // false: not connected on purpose
	State connectivity.State
	Err   error // why it is in TRANSIENT_FAILURE
}

var errNoEndpoints = errors.New("no endpoints: the resolver returned no addresses")

// snapshot collects the present state. The caller holds mu.
func (m *Manager[S]) snapshot() Snapshot[S] {
	s := Snapshot[S]{Counts: m.counts.Counts(), Aggregate: m.counts.aggregate()}
	if s.Counts.Ready > 0 {
		s.Ready = make([]*Leaf[S], 0, s.Counts.Ready)
		for _, l := range m.leaves {
			if l.state == connectivity.Ready {
				s.Ready = append(s.Ready, l.handOut())
			}
		}
	}
	if s.Aggregate == connectivity.TransientFailure {
		s.Err = m.reason()
	}
	return s
}

// reason explains TRANSIENT_FAILURE. Causes are flattened: see Snapshot.Err. The
// caller holds mu.
func (m *Manager[S]) reason() error {
	if len(m.leaves) == 0 {
		if m.resolverErr != nil {
			return fmt.Errorf("no endpoints: name resolver error: %v", m.resolverErr) //nolint:errorlint // flattened
		}
		return errNoEndpoints
	}
	var last *leaf[S]
	for _, l := range m.leaves {
		if l.state == connectivity.TransientFailure && (last == nil || l.failedAt > last.failedAt) {
			last = l
		}
	}
	text := fmt.Sprintf("no endpoint is ready; the last of %d to fail was %s: %v",
		m.counts[connectivity.TransientFailure], last.endpoint.Addresses[0].Addr, last.err)
	if m.resolverErr != nil {
		text += fmt.Sprintf("; name resolver error: %v", m.resolverErr)
	}
	return errors.New(text)
}

// tally counts endpoints by state.
type tally [connectivity.Shutdown]int

// Counts gives the counts their names.
func (t *tally) Counts() Counts {
	return Counts{
		Ready: t[connectivity.Ready], Connecting: t[connectivity.Connecting],
		Idle: t[connectivity.Idle], TransientFailure: t[connectivity.TransientFailure],
	}
}

// aggregate is the rule of Snapshot.Aggregate. It is round_robin's, but that
// endpoints that are idle on purpose do not hide the failure of all others.
func (t *tally) aggregate() connectivity.State {
	for _, s := range [...]connectivity.State{connectivity.Ready, connectivity.Connecting, connectivity.TransientFailure, connectivity.Idle} {
		if t[s] > 0 {
			return s
		}
	}
	return connectivity.TransientFailure
}
