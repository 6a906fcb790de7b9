package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// mutation is one call of a method that may have changed something: what its end
// invalidates. RFC 9111 section 4.4 wants methods whose safety is unknown
// treated so too.
type mutation struct {
	cache   *Cache
	target  *target
	groups  *cachepolicy.Groups
	softly  bool // what groups name becomes stale, not invalid
	header  metadata.MD
	trailer metadata.MD
	heard   []string   // what header and trailer named when last looked at
	last    codes.Code // of the last end that was applied; OK at first
	owned   []string   // the groups of the annotation that were last applied
	ended   atomic.Bool
	ending  sync.Mutex  // attempts that are made at once end at once
	retries func() bool // earlier attempts may have been made below
	unsent  bool        // the one request of a stream has not been sent yet

	mu         sync.Mutex // a stream may end while it is being sent on
	req, reply proto.Message
}

// none is the last code before any end.
const none codes.Code = 1 << 31

// keep notes the messages whose fields groups may name.
func (mu *mutation) keep(req, reply proto.Message) {
	mu.mu.Lock()
	defer mu.mu.Unlock()
	if req != nil {
		mu.req = req
	}
	if reply != nil {
		mu.reply = reply
	}
}

// sent keeps a copy of a stream's one request, nil for one that cannot be read.
func (mu *mutation) sent(req proto.Message) {
	if req != nil {
		req = proto.Clone(req)
	}
	mu.mu.Lock()
	defer mu.mu.Unlock()
	mu.req, mu.unsent = req, false
}

// mutate makes a unary call of a method without a cache rule that is not known
// to be safe, and hears what it invalidates before the caller learns of its end.
func (c *Cache) mutate(ctx context.Context, m *method, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts []grpc.CallOption) error {
	ctx, mu := c.newMutation(ctx, m, cc)
	mu.req, _ = req.(proto.Message)
	mu.reply, _ = reply.(proto.Message)
	err := invoker(ctx, m.name, req, reply, cc, mu.listen(opts)...)
	// An interceptor behind this one may have made the end itself, or have filled
	// in reply and metadata only after the stream's end.
	mu.apply(err, mu.ended.Load())
	return err
}

func (c *Cache) newMutation(ctx context.Context, m *method, cc *grpc.ClientConn) (context.Context, *mutation) {
	mu := &mutation{cache: c, target: c.targetOf(cc), groups: m.invalidates(), softly: m.softly(), last: none}
	if mu.groups == nil {
		return ctx, mu
	}
	ctx, state := callstate.Ensure(ctx)
	mu.retries = func() bool {
		if n := state.Attempts(); n > 0 || cc == nil {
			return n > 1
		}
		return cc.GetMethodConfig(m.name).RetryPolicy != nil // under another policy picks are not counted
	}
	return ctx, mu
}

// listen adds to the options what hears the call's end. The caller's options are
// not touched, and its OnFinish comes after ours: it must not learn of the end
// of a write that is not yet applied here.
func (mu *mutation) listen(opts []grpc.CallOption) []grpc.CallOption {
	out := make([]grpc.CallOption, 0, len(opts)+3)
	out = append(out, grpc.OnFinish(mu.end), grpc.Header(&mu.header), grpc.Trailer(&mu.trailer))
	return append(out, opts...)
}

// end applies what the call has made untrue. A retrying interceptor behind this
// one ends it several times, once for each attempt.
func (mu *mutation) end(err error) {
	mu.ended.Store(true)
	mu.apply(err, false)
}

// apply applies an end. When it is looked at again, after the interceptors
// behind this one have returned, only what has changed since the last attempt's
// end counts: what they made of its error, filled into the reply, or handed over
// of the metadata.
func (mu *mutation) apply(err error, again bool) {
	mu.ending.Lock()
	defer mu.ending.Unlock()
	mu.hear(again)
	code := status.Code(err)
	// The last attempt's definite failure says nothing of earlier attempts.
	if mu.groups == nil || cachepolicy.DefiniteFailure(uint32(code)) && !mu.retries() {
		return
	}
	if again && code == mu.last && (code != codes.OK || !mu.groups.NeedsResponse()) {
		return
	}
	mu.last = code
	mu.own(code, again)
}

// hear applies what the reply names; RFC 9875 section 2.2.
func (mu *mutation) hear(again bool) {
	h, t := mu.header[wire.KeyCacheGroupInvalidation], mu.trailer[wire.KeyCacheGroupInvalidation]
	if len(h)+len(t) == 0 {
		return
	}
	values := append(slices.Clone(h), t...)
	if again && slices.Equal(values, mu.heard) {
		return
	}
	mu.heard = values
	groups, err := wire.ParseGroupList(values)
	if err != nil { // what cannot be read may have named anything
		mu.cache.flushTarget(mu.target)
		return
	}
	mu.cache.advance(mu.target, groups)
}

// own applies the method's annotation.
//
// After an error that does not say whether the write took effect, it may still
// commit: what is fetched of its groups for a while is returned and not stored.
// Groups that only the lost reply could have named are all groups.
func (mu *mutation) own(code codes.Code, again bool) {
	c := mu.cache
	var (
		groups []string
		err    error
		lost   bool
	)
	mu.mu.Lock()
	defer mu.mu.Unlock()
	if mu.unsent {
		return // nothing was asked for
	}
	if code == codes.OK {
		groups, err = mu.groups.Expand(mu.req, mu.reply)
	} else {
		groups, err = mu.groups.FromRequest(mu.req)
		lost = mu.groups.NeedsResponse()
	}
	lost = lost || err != nil
	if again && code == codes.OK && !lost && slices.Equal(groups, mu.owned) {
		return
	}
	mu.owned = groups
	// The doubt comes first: a fetch that begins in between is from before the
	// invalidation.
	if code != codes.OK && c.writeDoubt > 0 {
		now := c.now()
		mu.target.doubt.add(c.groupsOf(mu.target, groups), lost, now, now+c.writeDoubt)
	}
	if lost {
		c.flushTarget(mu.target)
		return
	}
	named := make([]wire.Group, len(groups))
	for i, g := range groups {
		named[i] = wire.Group{Name: g, Soft: mu.softly}
	}
	c.advance(mu.target, named)
}
