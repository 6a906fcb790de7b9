// Package otterdeco is a cache as a careful engineer writes it over a good
// library: an interceptor around otter v2, which brings eviction, loading that is
// collapsed, and refreshing in the background.
//
// It is a baseline. It reads cache-control as far as people do (max-age, no-store,
// no-cache, private), replays headers and trailers, keeps callers apart when it is
// told how, gives copies, honours stale_while_revalidate by otter's refreshing, and
// can be told to drop a group of replies.
package otterdeco

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// Subject is the decorator.
type Subject struct{}

// Name returns "otter".
func (Subject) Name() string { return "otter" }

// About says what it is.
func (Subject) About() string {
	return "an interceptor over `otter/v2`: loading, refreshing, max-age, identity in the key"
}

// New makes one.
func (Subject) New(s subject.Setup) (subject.Cache, error) {
	c := &Cache{rules: map[string]*freshetv1.CacheRule{}, principal: s.Principal, groups: newIndex()}
	for _, e := range s.Policy.GetMethods() {
		if r := e.GetPolicy().GetCache(); r != nil {
			c.rules[e.GetMethod()] = r
		}
	}
	var err error
	c.cache, err = otter.New(&otter.Options[string, *entry]{
		MaximumWeight: uint64(s.MaxBytes),
		Weigher:       func(key string, e *entry) uint32 { return uint32(len(key) + e.size) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *entry]) time.Duration {
			return e.Value.lifetime + e.Value.window
		}),
		RefreshCalculator: otter.RefreshWritingFunc(func(e otter.Entry[string, *entry]) time.Duration { return e.Value.lifetime }),
		OnDeletion: func(e otter.DeletionEvent[string, *entry]) {
			if e.Cause != otter.CauseReplacement { // the new value is in the same groups
				c.groups.remove(e.Key, e.Value.groups)
			}
		},
		Logger: quiet{},
	})
	return c, err
}

// quiet drops what otter logs: that a refresh failed.
type quiet struct{}

func (quiet) Warn(context.Context, string, error)  {}
func (quiet) Error(context.Context, string, error) {}

// entry is a stored reply.
type entry struct {
	reply            proto.Message
	header, trailer  metadata.MD
	size             int
	lifetime, window time.Duration
	groups           []string
}

// Cache is the decorator.
type Cache struct {
	rules     map[string]*freshetv1.CacheRule
	principal func(context.Context) (string, error)
	cache     *otter.Cache[string, *entry]
	groups    *index
}

// DialOptions put it in front of a channel.
func (c *Cache) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.intercept)}
}

// Close ends otter's goroutines.
func (c *Cache) Close() error {
	c.cache.StopAllGoroutines()
	return nil
}

// Invalidate drops the replies of groups.
func (c *Cache) Invalidate(groups ...string) {
	for _, key := range c.groups.take(groups) {
		c.cache.Invalidate(key)
	}
}
