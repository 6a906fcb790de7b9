// Package ttlmap is a cache as it is written by hand, in an afternoon, in front of
// a service that is too slow: a map of replies with a lifetime for each method,
// and golang.org/x/sync/singleflight so that one call fetches what many ask for.
//
// It is a baseline. Nothing in it is meant to fail: errors are not cached, keys
// are deterministic, callers get copies, and entries end.
package ttlmap

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// Subject is the TTL map.
type Subject struct{}

// Name returns "ttl-map".
func (Subject) Name() string { return "ttl-map" }

// About says what it is.
func (Subject) About() string {
	return "a map with a lifetime for each method, and `golang.org/x/sync/singleflight`"
}

// New makes one, with the lifetimes of the rules.
func (Subject) New(s subject.Setup) (subject.Cache, error) {
	c := &Cache{ttl: map[string]time.Duration{}, entries: map[string]entry{}, max: s.MaxBytes}
	for _, e := range s.Policy.GetMethods() {
		if r := e.GetPolicy().GetCache(); r != nil {
			c.ttl[e.GetMethod()] = subject.LifetimeOf(r)
		}
	}
	return c, nil
}

type entry struct {
	reply   proto.Message
	size    int64
	expires time.Time
}

// Cache is the map.
type Cache struct {
	ttl    map[string]time.Duration
	flight singleflight.Group
	max    int64

	mu      sync.Mutex
	entries map[string]entry
	bytes   int64
}

// DialOptions put it in front of a channel.
func (c *Cache) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.intercept)}
}

// Close does nothing.
func (*Cache) Close() error { return nil }

func (c *Cache) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ttl := c.ttl[method]
	in, ok := req.(proto.Message)
	out, ok2 := reply.(proto.Message)
	if ttl <= 0 || !ok || !ok2 {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(in)
	if err != nil {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	key := cc.CanonicalTarget() + method + "\x00" + string(body)
	if stored, ok := c.get(key); ok {
		proto.Merge(out, stored)
		return nil
	}
	v, err, _ := c.flight.Do(key, func() (any, error) {
		fetched := out.ProtoReflect().New().Interface()
		if err := invoke(ctx, method, req, fetched, cc, opts...); err != nil {
			return nil, err
		}
		c.set(key, fetched, ttl)
		return fetched, nil
	})
	if err != nil {
		return err
	}
	if fetched, ok := v.(proto.Message); ok {
		proto.Merge(out, fetched)
	}
	return nil
}

func (c *Cache) get(key string) (proto.Message, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok || !time.Now().Before(e.expires) {
		return nil, false
	}
	return e.reply, true
}

func (c *Cache) set(key string, reply proto.Message, ttl time.Duration) {
	size := int64(len(key) + proto.Size(reply))
	if size > c.max {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += size - c.entries[key].size
	c.entries[key] = entry{reply, size, time.Now().Add(ttl)}
	for k, e := range c.entries { // in random order: good enough
		if c.bytes <= c.max {
			break
		}
		if k != key {
			c.bytes -= e.size
			delete(c.entries, k)
		}
	}
}
