package memory

import "time"

// Lease is a balancer's access to what is kept for its channel. Its methods may be
// called concurrently.
type Lease[T any] struct {
	memory  *Memory[T]
	channel *channel[T]
	held    map[string]*entry[T] // nil once closed; guarded by the memory's mu
}

// Base is when the channel was first seen: a time from which times in a T count, so
// that they still hold in the channel's next balancer. It is at or before the
// now of Open, and does not change.
func (l *Lease[T]) Base() time.Time { return l.channel.base }

// Take returns what is kept under a key, or a new T. As long as it is taken, by this
// lease or another one of the same channel, Take returns the same pointer. Taking
// twice under one lease is taking once. After Close it returns a new T each time.
func (l *Lease[T]) Take(key string) *T {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.held == nil {
		return new(T)
	}
	if e := l.held[key]; e != nil {
		return e.value
	}
	e := l.channel.entries[key]
	if e == nil {
		e = &entry[T]{channel: l.channel, key: key, value: new(T)}
		l.channel.entries[key] = e
	}
	if e.place != nil {
		m.entries.Remove(e.place)
		e.place = nil
	}
	e.taken++
	l.held[key] = e
	return e.value
}

// Return gives back what was taken under a key. Who still has the pointer may use it.
func (l *Lease[T]) Return(key string, now time.Time) {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := l.held[key]; e != nil {
		delete(l.held, key)
		m.release(e, now)
		m.expire(now)
	}
}

// Drop is Return, but nothing is kept for later.
func (l *Lease[T]) Drop(key string) {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	e := l.held[key]
	if e == nil {
		return
	}
	delete(l.held, key)
	if e.taken--; e.taken == 0 {
		delete(l.channel.entries, key)
	}
}

// Close returns everything that is still taken, and ends the lease. A second Close
// does nothing.
func (l *Lease[T]) Close(now time.Time) {
	m, c := l.memory, l.channel
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.held == nil {
		return
	}
	for _, e := range l.held {
		m.release(e, now)
	}
	l.held = nil
	c.leases--
	if c.leases == 0 && c.owner != nil {
		c.since, c.place = now, m.closed.PushBack(c)
	}
	m.expire(now)
}
