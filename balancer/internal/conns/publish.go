package conns

import "time"

// urgency is how soon a change is to be published.
type urgency uint8

const (
	nothing urgency = iota
	soon            // more to pick from, or another count or reason
	quickly         // something less to pick from
	now             // something to pick after there was nothing, or a new list
)

// A publication costs time in proportion to the endpoints that are READY: about
// 0.1 us for each, and what the policy needs for its picker. Pauses between
// publications that grow with their number keep that to some thousandths of a core
// while endpoints come up, and some hundredths while they are lost, and the cost of
// n endpoints that come up in a row to the order of n.
const (
	leastSoon, eachSoon, mostSoon          = 5 * time.Millisecond, 200 * time.Microsecond, 100 * time.Millisecond
	leastQuickly, eachQuickly, mostQuickly = 1 * time.Millisecond, 2 * time.Microsecond, 10 * time.Millisecond
)

// pause is how long after a publication of n READY endpoints the next one waits.
func (u urgency) pause(n int) time.Duration {
	switch u {
	case soon:
		return min(max(leastSoon, time.Duration(n)*eachSoon), mostSoon)
	case quickly:
		return min(max(leastQuickly, time.Duration(n)*eachQuickly), mostQuickly)
	default:
		return 0
	}
}

// note remembers that something is to be published. The caller holds mu and calls
// flush later.
func (m *Manager[S]) note(u urgency) { m.pending = max(m.pending, u) }

// flush publishes what is pending, or arms the timer if it is too early. One
// goroutine publishes at a time, without mu; another one that comes meanwhile leaves
// its changes to it.
func (m *Manager[S]) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.pending != nothing && !m.closed && !m.publishing {
		early := m.pending.pause(m.lastReady) - time.Since(m.lastEnd)
		if early > 0 && !m.lastEnd.IsZero() {
			m.arm(early)
			return
		}
		s := m.snapshot()
		m.pending, m.publishing = nothing, true
		m.mu.Unlock()
		m.hooks.Publish(s)
		m.mu.Lock()
		m.publishing, m.lastEnd, m.lastReady = false, time.Now(), s.Counts.Ready
		m.published.Broadcast()
	}
}

// arm makes the timer fire after d, if it does not fire earlier. The caller holds mu.
func (m *Manager[S]) arm(d time.Duration) {
	if m.closed {
		return
	}
	at := time.Now().Add(d)
	switch {
	case m.timer == nil:
		m.timer = time.AfterFunc(d, m.tick)
	case m.due.IsZero() || at.Before(m.due):
		m.timer.Reset(d)
	default:
		return
	}
	m.due = at
}

// tick is what the timer does: it wakes the pick_firsts that went idle, and
// publishes.
func (m *Manager[S]) tick() {
	m.mu.Lock()
	m.due = time.Time{}
	sleepers := m.sleepers
	m.sleepers = nil
	m.mu.Unlock()
	for _, c := range sleepers {
		c.wake()
	}
	m.flush()
}
