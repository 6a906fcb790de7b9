// Package memory keeps what a balancer has learnt of its endpoints while there is
// no balancer.
//
// gRPC closes a channel's balancer when the channel goes idle (30 min without calls,
// unless told otherwise) or when its policy is replaced, and builds a new one later,
// which would have to learn anew which servers are slow. So a balancer borrows what
// it learns from a Memory that outlives it:
//
//	var remembered memory.Memory[Endpoint] // one for the process, in the builder
//
//	lease := remembered.Open(opts.ChannelzParent, time.Now()) // in Build
//	e := lease.Take("10.0.0.1:443")         // when the resolver returns an endpoint
//	now := time.Since(lease.Base())         // times in an Endpoint count from here
//	lease.Return("10.0.0.1:443", time.Now()) // when it no longer does
//	lease.Close(time.Now())                 // in Close
//
// # How it decides
//
// The owner of what is learnt is the channel, named by BuildOptions.ChannelzParent,
// the one thing that is the same in every Build of a channel; within it, an
// endpoint is named by a key. Balancers of one channel that live at
// the same time (a policy and its successor during a graceful switch, or the children
// of an xDS policy) share what they learn. Without an owner nothing is shared or
// kept.
//
// What nobody has taken is kept for an hour ([Keep]), at most [MaxEndpoints] of it,
// and for at most [MaxChannels] channels without a balancer. The oldest goes first. What
// is taken does not count.
//
// # Guarantees
//
// Each Open, Return and Close costs amortised constant time for each endpoint;
// expiry happens in them, and nothing runs in between: no goroutine, no
// timer. All methods may be called concurrently. Losing an entry means to learn
// again; no call fails by it. A channel that was closed for good stays in memory, by
// its channelz entry, until the hour is over and some channel is opened or closed.
package memory

import (
	"container/list"
	"sync"
	"time"
)

// The limits of what is kept while nobody has taken it.
const (
	// Keep is how long.
	Keep = time.Hour
	// MaxEndpoints is how many endpoints, of all channels.
	MaxEndpoints = 100_000
	// MaxChannels is how many channels that have no balancer.
	MaxChannels = 1024
)

// Memory keeps a T for each endpoint of each channel. T has to be safe for
// concurrent use. The zero value is empty and ready.
type Memory[T any] struct {
	mu       sync.Mutex
	channels map[any]*channel[T]
	// Oldest first: *entry[T] that nobody has taken, *channel[T] without a lease.
	entries list.List
	closed  list.List
}

// channel is what is known of one owner.
type channel[T any] struct {
	owner   any
	base    time.Time
	leases  int
	entries map[string]*entry[T]
	since   time.Time     // of the last lease's end
	place   *list.Element // in closed, if leases is 0
}

// entry is one endpoint.
type entry[T any] struct {
	channel *channel[T]
	key     string
	value   *T
	taken   int
	since   time.Time     // of the last return
	place   *list.Element // in entries, if taken is 0
}

// Open returns a lease on what is kept for an owner, which must be comparable;
// usually it is a pointer. A nil owner has nothing and keeps nothing. Close the lease.
func (m *Memory[T]) Open(owner any, now time.Time) *Lease[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(now)
	c := m.channels[owner]
	if c == nil {
		c = &channel[T]{owner: owner, base: now, entries: map[string]*entry[T]{}}
	}
	if owner != nil {
		if m.channels == nil {
			m.channels = map[any]*channel[T]{}
		}
		m.channels[owner] = c
	}
	if c.place != nil {
		m.closed.Remove(c.place)
		c.place = nil
	}
	c.leases++
	return &Lease[T]{memory: m, channel: c, held: map[string]*entry[T]{}}
}

// release counts an entry as taken by one less. The caller holds mu.
func (m *Memory[T]) release(e *entry[T], now time.Time) {
	e.taken--
	if e.taken > 0 {
		return
	}
	if e.channel.owner == nil {
		delete(e.channel.entries, e.key)
		return
	}
	e.since, e.place = now, m.entries.PushBack(e)
}

// expire drops what is too old or too much. The caller holds mu.
func (m *Memory[T]) expire(now time.Time) {
	for p := m.entries.Front(); p != nil; p = m.entries.Front() {
		e := p.Value.(*entry[T]) //nolint:forcetypeassert // the list has no others
		if m.entries.Len() <= MaxEndpoints && now.Sub(e.since) < Keep {
			break
		}
		m.entries.Remove(p)
		delete(e.channel.entries, e.key)
	}
	for p := m.closed.Front(); p != nil; p = m.closed.Front() {
		c := p.Value.(*channel[T]) //nolint:forcetypeassert // the list has no others
		if m.closed.Len() <= MaxChannels && now.Sub(c.since) < Keep {
			break
		}
		m.closed.Remove(p)
		delete(m.channels, c.owner)
		for _, e := range c.entries {
			m.entries.Remove(e.place)
		}
	}
}
