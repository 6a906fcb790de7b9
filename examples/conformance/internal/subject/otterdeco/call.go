package otterdeco

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

func (c *Cache) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	rule := c.rules[method]
	in, ok := req.(proto.Message)
	out, ok2 := reply.(proto.Message)
	if rule == nil || !ok || !ok2 {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	key, err := c.key(ctx, cc.CanonicalTarget(), method, rule, in)
	if err != nil {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	f := &fetch{cache: c, rule: rule, in: in, out: out, invoke: func(ctx context.Context, reply proto.Message, opts ...grpc.CallOption) error {
		return invoke(ctx, method, req, reply, cc, opts...)
	}}
	e, err := c.cache.Get(ctx, key, f)
	var once *unstored
	switch {
	case errors.As(err, &once):
		e = once.entry
	case err != nil:
		return err
	}
	proto.Merge(out, e.reply)
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = e.header.Copy()
		case grpc.TrailerCallOption:
			*o.TrailerAddr = e.trailer.Copy()
		}
	}
	return nil
}

func (c *Cache) key(ctx context.Context, target, method string, rule *freshetv1.CacheRule, req proto.Message) (string, error) {
	who := ""
	if rule.GetScope() != freshetv1.CacheRule_PUBLIC {
		if c.principal == nil {
			return "", errors.New("nobody says who calls")
		}
		var err error
		if who, err = c.principal(ctx); err != nil {
			return "", err
		}
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return "", err
	}
	parts := []string{target, method, who}
	for _, k := range rule.GetVary() {
		parts = append(parts, strings.Join(metadata.ValueFromOutgoingContext(ctx, k), "\x01"))
	}
	return strings.Join(append(parts, string(body)), "\x00"), nil
}

// unstored carries a reply that may not be stored past otter.
type unstored struct{ entry *entry }

func (*unstored) Error() string { return "not to be stored" }

// fetch is the loader of one call.
type fetch struct {
	cache   *Cache
	rule    *freshetv1.CacheRule
	in, out proto.Message
	invoke  func(context.Context, proto.Message, ...grpc.CallOption) error
}

var _ otter.Loader[string, *entry] = (*fetch)(nil)

// Load fetches what is not stored.
func (f *fetch) Load(ctx context.Context, key string) (*entry, error) {
	e := &entry{reply: f.out.ProtoReflect().New().Interface(), window: f.rule.GetStaleWhileRevalidate().AsDuration()}
	if err := f.invoke(ctx, e.reply, grpc.Header(&e.header), grpc.Trailer(&e.trailer)); err != nil {
		return nil, err
	}
	e.size = proto.Size(e.reply)
	e.lifetime = lifetime(f.rule, append(e.header.Get("cache-control"), e.trailer.Get("cache-control")...))
	if e.lifetime <= 0 {
		return nil, &unstored{e}
	}
	for _, t := range f.rule.GetGroups() {
		e.groups = append(e.groups, expand(t, f.in))
	}
	f.cache.groups.add(key, e.groups)
	return e, nil
}

// Reload fetches what is stored and due.
func (f *fetch) Reload(ctx context.Context, key string, _ *entry) (*entry, error) {
	return f.Load(ctx, key)
}

// lifetime reads cache-control.
func lifetime(r *freshetv1.CacheRule, values []string) time.Duration {
	d := r.GetMaxAge().AsDuration()
	if r.GetDefaultMaxAge() != nil {
		d = r.GetDefaultMaxAge().AsDuration()
	}
	for _, m := range strings.Split(strings.Join(values, ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(m)), "=")
		switch name {
		case "no-store", "no-cache", "private":
			return 0
		case "max-age":
			if n, err := strconv.Atoi(value); err == nil {
				d = min(time.Duration(n)*time.Second, r.GetMaxAge().AsDuration())
			}
		}
	}
	return d
}

var placeholder = regexp.MustCompile(`\{([a-z_.]+)\}`)

// expand fills a group's template in from the request.
func expand(template string, req proto.Message) string {
	return placeholder.ReplaceAllStringFunc(template, func(p string) string {
		m := req.ProtoReflect()
		if fd := m.Descriptor().Fields().ByName(protoreflect.Name(p[1 : len(p)-1])); fd != nil {
			return m.Get(fd).String()
		}
		return ""
	})
}

// index finds the keys of a group.
type index struct {
	mu   sync.Mutex
	keys map[string]map[string]struct{}
}

func newIndex() *index { return &index{keys: map[string]map[string]struct{}{}} }

func (x *index) add(key string, groups []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, g := range groups {
		if x.keys[g] == nil {
			x.keys[g] = map[string]struct{}{}
		}
		x.keys[g][key] = struct{}{}
	}
}

func (x *index) remove(key string, groups []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, g := range groups {
		if delete(x.keys[g], key); len(x.keys[g]) == 0 {
			delete(x.keys, g)
		}
	}
}

func (x *index) take(groups []string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for _, g := range groups {
		for k := range x.keys[g] {
			out = append(out, k)
		}
	}
	return out
}
