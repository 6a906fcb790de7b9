package cache

import (
	"hash/maphash"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// target is the origin behind one canonical target. Groups belong to it: what
// RFC 9875 section 2.1 calls the same origin.
type target struct {
	name  string
	epoch atomic.Uint64 // the last invalidation of all its entries
	doubt doubts
	pulse pulse
	lag   lagBudget
	load  load
	addrs addrTexts
}

// addrTexts remembers the text of the address that it was asked for last: making it costs as
// much as a lookup in the store, and one connection has one address.
type addrTexts struct{ last atomic.Pointer[addrText] }

type addrText struct {
	addr *net.TCPAddr
	text string
}

func (a *addrTexts) text(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	if last := a.last.Load(); last != nil && last.addr == tcp {
		return last.text
	}
	t := &addrText{addr: tcp, text: tcp.String()}
	a.last.Store(t)
	return t.text
}

// targets are the origins that the cache has met. Their number is that of
// different dial targets.
type targets struct {
	mu     sync.RWMutex
	byName map[string]*target
}

func (t *targets) get(name string) *target {
	t.mu.RLock()
	known := t.byName[name]
	t.mu.RUnlock()
	if known != nil {
		return known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[name] == nil {
		if t.byName == nil {
			t.byName = map[string]*target{}
		}
		t.byName[name] = &target{name: name}
	}
	return t.byName[name]
}

func (t *targets) each(f func(*target)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, v := range t.byName {
		f(v)
	}
}

// channelTarget remembers the target of the channel it was asked for last:
// making a ClientConn's canonical target costs an allocation, and an interceptor
// usually serves one channel.
type channelTarget struct {
	cc     *grpc.ClientConn
	target *target
}

func (c *Cache) targetOf(cc *grpc.ClientConn) *target {
	if m := c.lastTarget.Load(); m != nil && m.cc == cc {
		return m.target
	}
	name := ""
	if cc != nil {
		name = cc.CanonicalTarget()
	}
	m := &channelTarget{cc: cc, target: c.targets.get(name)}
	c.lastTarget.Store(m)
	return m.target
}

// groupHash names a group of a target in the invalidation clock. Hashes are
// seeded for each cache, so that nobody can make groups collide; if two do, an
// invalidation of one is a needless miss for the other.
func (c *Cache) groupHash(t *target, group string) uint64 {
	return maphash.Comparable(c.seed, struct{ target, group string }{t.name, group})
}

// groupsOf names groups in the clock, without versions.
func (c *Cache) groupsOf(t *target, groups []string) []epoch.Group {
	if len(groups) == 0 {
		return nil
	}
	out := make([]epoch.Group, len(groups))
	for i, g := range groups {
		out[i].Hash = c.groupHash(t, g)
	}
	return out
}

// The states of what was fetched: true as far as is known, stale, or untrue.
const (
	valid   = epoch.Valid
	soft    = epoch.Soft
	invalid = epoch.Invalid
)

// state says what has become of what was fetched from t since an epoch.
func (c *Cache) state(t *target, since uint64, groups []epoch.Group) epoch.State {
	switch {
	case c.clock.Now() == since:
		return valid
	case since < t.epoch.Load():
		return invalid
	default:
		return c.clock.State(since, groups)
	}
}
