package cache

import (
	"maps"
	"sync"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
)

// method is what the cache knows of one method.
type method struct {
	name   string
	safe   bool // its replies invalidate nothing
	policy *cachepolicy.Policy
	tele   methodTelemetry

	complained sync.Map // cause → struct{}: logged once
}

func (m *method) rule() *cachepolicy.Rule {
	if m.policy == nil {
		return nil
	}
	return m.policy.Cache
}

func (m *method) invalidates() *cachepolicy.Groups {
	if m.policy == nil {
		return nil
	}
	return m.policy.Invalidates
}

func (m *method) softly() bool { return m.policy != nil && m.policy.InvalidatesSoftly }

// maxMethods bounds what is remembered of methods. Generated stubs call a fixed
// number of them; a proxy that invents names is not remembered past this.
const maxMethods = 10_000

// method returns what is known of a method by its full name, working it out at
// its first call. The map is copied when it grows, so that reading it takes no
// lock.
func (c *Cache) method(name string) *method {
	if m := (*c.methods.Load())[name]; m != nil {
		return m
	}
	m := &method{name: name, policy: c.policies.Lookup(name)}
	if m.policy != nil {
		m.safe = m.policy.Safe
	} else {
		m.safe = cachepolicy.IsSafe(protoregistry.GlobalFiles, name)
	}
	m.tele = c.telemetry.method(name)

	c.methodsMu.Lock()
	defer c.methodsMu.Unlock()
	known := *c.methods.Load()
	if first := known[name]; first != nil {
		return first
	}
	if len(known) < maxMethods {
		grown := maps.Clone(known)
		grown[name] = m
		c.methods.Store(&grown)
	}
	return m
}

// complain logs a cause that keeps the method from being cached, once.
func (c *Cache) complain(m *method, cause string, args ...any) {
	if _, said := m.complained.LoadOrStore(cause, struct{}{}); !said {
		c.logger.Warn("freshet cache: "+cause, append([]any{"method", m.name}, args...)...)
	}
}
