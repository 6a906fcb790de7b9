package memory_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/memory"
)

// model is Memory without limits, by definition instead of bookkeeping.
type model struct {
	now    time.Time
	kept   map[name]*kept
	seen   map[*learnt]bool
	leases []*lease
}

type name struct {
	owner any // a lease if there is no owner
	key   string
}

type kept struct {
	value *learnt
	since time.Time // of the last return
}

type lease struct {
	*memory.Lease[learnt]
	owner any
	taken map[string]bool
}

// takers is how many leases hold a name.
func (m *model) takers(n name) int {
	count := 0
	for _, l := range m.leases {
		if l.owner == n.owner && l.taken[n.key] {
			count++
		}
	}
	return count
}

func (m *model) expire() {
	for n, k := range m.kept {
		if _, none := n.owner.(*lease); m.takers(n) == 0 && (none || m.now.Sub(k.since) >= memory.Keep) {
			delete(m.kept, n)
		}
	}
}

// take checks what the lease returns against what the model has.
func (m *model) take(t *rapid.T, l *lease, key string) {
	got, n := l.Take(key), name{l.owner, key}
	switch k := m.kept[n]; {
	case k == nil:
		if m.seen[got] {
			t.Fatalf("%v is new, and has an old value", n)
		}
		m.seen[got] = true
		m.kept[n] = &kept{value: got}
	case k.value != got:
		t.Fatalf("%v has another value than before", n)
	}
	l.taken[key] = true
}

// giveBack returns a key.
func (m *model) giveBack(l *lease, key string) {
	l.Return(key, m.now)
	if l.taken[key] {
		delete(l.taken, key)
		m.kept[name{l.owner, key}].since = m.now
		m.expire()
	}
}

func (m *model) end(i int) {
	l := m.leases[i]
	l.Close(m.now)
	m.leases = append(m.leases[:i:i], m.leases[i+1:]...)
	for key := range l.taken {
		m.kept[name{l.owner, key}].since = m.now
	}
	m.expire()
}

// TestAgainstModel makes random calls.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var real mem
		m := &model{now: start, kept: map[name]*kept{}, seen: map[*learnt]bool{}}
		key := rapid.SampledFrom([]string{"a", "b", "c"})
		drawn := func(t *rapid.T) int {
			if len(m.leases) == 0 {
				t.Skip("no leases")
			}
			return rapid.IntRange(0, len(m.leases)-1).Draw(t, "lease")
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				owner := rapid.SampledFrom([]any{nil, 1, 2}).Draw(t, "owner")
				l := &lease{Lease: real.Open(owner, m.now), owner: owner, taken: map[string]bool{}}
				if owner == nil {
					l.owner = l
				}
				m.leases = append(m.leases, l)
				m.expire()
			},
			"take":   func(t *rapid.T) { m.take(t, m.leases[drawn(t)], key.Draw(t, "key")) },
			"return": func(t *rapid.T) { m.giveBack(m.leases[drawn(t)], key.Draw(t, "key")) },
			"close":  func(t *rapid.T) { m.end(drawn(t)) },
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{1, memory.Keep / 2, memory.Keep}).Draw(t, "d"))
			},
		})
	})
}
