package conns

import (
	"math/rand/v2"
	"slices"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// Update takes over what the resolver returned. The endpoint with index i is
// connected if on(i), or if on is nil; on must not call the manager. Endpoints
// without address, and all but the first with the same set of addresses, are left
// out. New connections begin in random order, so that clients do not all begin
// with the same server.
//
// If anything changed that a Snapshot shows, Update publishes, and after that shuts
// down what is no longer wanted. Without any endpoint it returns
// balancer.ErrBadResolverState; after Close it does nothing.
func (m *Manager[S]) Update(endpoints []resolver.Endpoint, on func(i int) bool) error {
	var w work[S]
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	if m.resolverErr != nil && m.counts.aggregate() == connectivity.TransientFailure || m.lastEnd.IsZero() {
		w.visible = true
	}
	m.resolverErr = nil
	former := m.byKey
	m.byKey = make(map[string]*leaf[S], len(endpoints))
	for i, e := range endpoints {
		if len(e.Addresses) == 0 {
			continue
		}
		key := keyOf(e.Addresses)
		if m.byKey[key] != nil {
			continue
		}
		l := former[key]
		if l == nil {
			l = m.add(key, e, &w)
		}
		delete(former, key)
		m.byKey[key] = l
		w.show(l, e)
		w.turn(l, on == nil || on(i))
	}
	m.remove(former, &w)
	none := len(m.leaves) == 0
	m.do(&w)
	if none {
		return balancer.ErrBadResolverState
	}
	return nil
}

// Switch connects the endpoints for which on is true, and disconnects the others:
// those leave the snapshot at once and their subchannels shut down, which lets calls
// in flight finish. It asks for every endpoint, without a lock held; a Leaf whose
// SubConn is nil is not READY.
func (m *Manager[S]) Switch(on func(*Leaf[S]) bool) {
	m.mu.Lock()
	leaves := slices.Clone(m.leaves)
	views := make([]*Leaf[S], len(leaves))
	for i, l := range leaves {
		views[i] = l.handOut()
	}
	m.mu.Unlock()
	wanted := make([]bool, len(leaves))
	for i, v := range views {
		wanted[i] = on(v)
	}
	var w work[S]
	m.mu.Lock()
	for i, l := range leaves {
		if m.byKey[l.key] == l {
			w.turn(l, wanted[i])
		}
	}
	m.do(&w)
}

// add makes a leaf that is switched off. The caller holds mu.
func (m *Manager[S]) add(key string, e resolver.Endpoint, w *work[S]) *leaf[S] {
	l := &leaf[S]{m: m, key: key, endpoint: e, learnt: m.hooks.Learn(key), state: connectivity.Idle}
	m.leaves = append(m.leaves, l)
	m.counts[connectivity.Idle]++
	w.visible = true
	return l
}

// remove drops leaves. The caller holds mu.
func (m *Manager[S]) remove(gone map[string]*leaf[S], w *work[S]) {
	if len(gone) == 0 {
		return
	}
	w.visible = true
	m.leaves = slices.DeleteFunc(m.leaves, func(l *leaf[S]) bool {
		if gone[l.key] != l {
			return false
		}
		w.turn(l, false)
		m.counts[connectivity.Idle]--
		w.gone = append(w.gone, l)
		return true
	})
}

// work is what an operation does with mu held, and leaves to be done without.
type work[S any] struct {
	visible bool // it changes what a Snapshot shows
	begins  []connection
	ends    []connection
	gone    []*leaf[S]
}

// show gives a leaf its latest attributes. The caller holds mu.
func (w *work[S]) show(l *leaf[S], e resolver.Endpoint) {
	if sameEndpoint(l.endpoint, e) {
		return
	}
	l.endpoint, l.handedOut = e, nil
	if l.state == connectivity.Ready {
		w.visible = true
	}
}

// turn switches a leaf on or off. The caller holds mu.
func (w *work[S]) turn(l *leaf[S], on bool) {
	switch {
	case on && l.conn == nil:
		w.begins = append(w.begins, l.connect())
	case !on && l.conn != nil:
		w.ends = append(w.ends, l.disconnect())
	default:
		return
	}
	w.visible = true
}

// do finishes an operation: it connects, publishes, disconnects. The caller holds mu,
// which do gives up.
func (m *Manager[S]) do(w *work[S]) {
	if w.visible {
		m.note(now)
	}
	m.mu.Unlock()
	rand.Shuffle(len(w.begins), func(i, j int) { w.begins[i], w.begins[j] = w.begins[j], w.begins[i] })
	for _, c := range w.begins {
		c.begin()
	}
	m.flush()
	for _, c := range w.ends {
		c.end()
	}
	for _, l := range w.gone {
		m.hooks.Forget(l.key, l.learnt)
	}
}
