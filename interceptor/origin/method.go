package origin

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// method is what an Origin knows of one method, served or called.
type method struct {
	name string
	safe bool // its replies invalidate nothing
	rule *cachepolicy.Rule
	// groups are those that a reply belongs to under a rule, and those that a
	// call makes untrue otherwise; nil for none.
	groups *cachepolicy.Groups
	soft   bool          // those that a call makes untrue become stale only
	terms  wire.Response // the rule, in a server's words

	validated  bool // a unary method without side effects: replies may have an entity tag
	emptyReply bool // its reply's type is known, and may be an empty message

	complained sync.Map // cause → struct{}: logged once
}

// maxMethods bounds what is remembered of methods. A server has a fixed number
// of them; what a proxy makes up is worked out anew past this.
const maxMethods = 10_000

// methods are the methods that an Origin has met. The map is copied when it
// grows, so that reading it takes no lock.
type methods struct {
	byName atomic.Pointer[map[string]*method]
	mu     sync.Mutex // held while it grows
}

func (o *Origin) method(name string) *method {
	if m := (*o.methods.byName.Load())[name]; m != nil {
		return m
	}
	m := newMethod(name, o.policies.Lookup(name))
	o.methods.mu.Lock()
	defer o.methods.mu.Unlock()
	known := *o.methods.byName.Load()
	if first := known[name]; first != nil {
		return first
	}
	if len(known) < maxMethods {
		grown := maps.Clone(known)
		grown[name] = m
		o.methods.byName.Store(&grown)
	}
	return m
}

func newMethod(name string, p *cachepolicy.Policy) *method {
	m := &method{name: name}
	md := descriptorOf(name)
	switch {
	case p == nil:
		m.safe = cachepolicy.IsSafe(protoregistry.GlobalFiles, name)
	case p.Cache != nil:
		m.safe, m.rule, m.groups = p.Safe, p.Cache, p.Cache.Groups
		m.terms = termsOf(p.Cache)
	default:
		m.safe, m.groups, m.soft = p.Safe, p.Invalidates, p.InvalidatesSoftly
	}
	m.validated = m.safe && (md == nil || !md.IsStreamingClient() && !md.IsStreamingServer())
	m.emptyReply = md != nil && md.Output().RequiredNumbers().Len() == 0
	return m
}

// descriptorOf returns what is known of a method's messages; nil if its service
// is not linked in.
func descriptorOf(name string) protoreflect.MethodDescriptor {
	service, of, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	sd, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return sd.Methods().ByName(protoreflect.Name(of))
}

// termsOf says what a rule says as a server says it. A lifetime under a second
// cannot be said: max-age has whole seconds, and 0 would forbid all reuse.
func termsOf(r *cachepolicy.Rule) wire.Response {
	terms := wire.Response{Private: r.Scope == cachepolicy.Principal}
	if r.DefaultMaxAge >= time.Second {
		terms.MaxAge = wire.SecondsOf(r.DefaultMaxAge)
	}
	return terms
}

// complain logs once what keeps the method's replies from being reused, or its
// invalidations from being heard.
func (o *Origin) complain(m *method, cause string, attrs ...slog.Attr) {
	if _, said := m.complained.LoadOrStore(cause, struct{}{}); !said {
		attrs = append([]slog.Attr{slog.String("method", m.name)}, attrs...)
		o.logger.LogAttrs(context.Background(), slog.LevelWarn, "freshet origin: "+cause, attrs...)
	}
}
