package cache

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	// ErrorDomain is the domain of the ErrorInfo in statuses that the cache
	// itself makes.
	ErrorDomain = "freshet"
	// ReasonOnlyIfCachedMiss is the reason of the ErrorInfo when a call with
	// [OnlyIfCached] finds nothing usable; the code is UNAVAILABLE, which is
	// for gRPC what 504 is for HTTP (RFC 9111 section 5.2.1.7).
	ReasonOnlyIfCachedMiss = "ONLY_IF_CACHED_MISS"
)

// unary is the unary interceptor.
func (c *Cache) unary(ctx context.Context, name string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	m := c.method(name)
	if rule := m.rule(); rule != nil {
		return c.cached(ctx, m, rule, req, reply, cc, invoker, opts)
	}
	reportBypass(opts)
	if m.safe {
		return invoker(ctx, name, req, reply, cc, opts...)
	}
	return c.mutate(ctx, m, req, reply, cc, invoker, opts)
}

// reportBypass fills in the reports of a call that no rule is for.
func reportBypass(opts []grpc.CallOption) {
	for _, o := range opts {
		if o, ok := o.(CallOption); ok {
			var cfg callConfig
			o.into(&cfg)
			for _, r := range cfg.reports {
				*r = Outcome{Result: Bypass, Detail: "no cache rule"}
			}
		}
	}
}

// cached handles a call of a method with a cache rule.
func (c *Cache) cached(ctx context.Context, m *method, rule *cachepolicy.Rule, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts []grpc.CallOption) error {
	call := calls.Get().(*call) //nolint:forcetypeassert // the pool holds nothing else
	call.cache, call.ctx, call.method, call.rule = c, ctx, m, rule
	call.cc, call.invoker, call.opts = cc, invoker, opts
	call.target, call.started, call.arrival = c.targetOf(cc), c.now(), c.clock.Now()
	call.scan()
	span := c.telemetry.start(call)
	err := call.run(req, reply)
	c.count.results[call.outcome.Result].Add(1)
	for _, r := range call.reports {
		*r = call.outcome
	}
	c.telemetry.end(span, call, err)
	if !call.held {
		call.reset()
		calls.Put(call)
	}
	return err
}

// run answers the call.
func (c *call) run(req, reply any) error {
	if err := c.ctx.Err(); err != nil {
		return c.fail(status.FromContextError(err).Err())
	}
	c.heedRequestDirectives()
	if why := c.prepare(req, reply); why != "" {
		if c.wish.OnlyIfCached {
			c.outcome.Detail = why
			return c.fail(onlyIfCachedMiss(c.method.name))
		}
		return c.bypass(why, req, reply)
	}
	if c.rule.Batch != nil {
		if answered, err := c.batch(); answered {
			return err
		}
		return c.fetch()
	}
	if answered, err := c.fromMemory(); answered {
		return err
	}
	ticket := c.cache.decoded.Ticket(&c.key)
	c.found = c.cache.lookup(c.ctx, c.key, c.target, &c.room)
	if answered, err := c.fromStore(); answered {
		if c.outcome.Result == Hit && !c.named && !c.room.policy.Negative {
			c.offer(ticket)
		}
		return err
	}
	if c.wish.OnlyIfCached {
		return c.fail(onlyIfCachedMiss(c.method.name))
	}
	return c.fetch()
}

// fromStore answers the call with what was found, if that may be used without
// asking the origin first.
func (c *call) fromStore() (answered bool, err error) {
	c.decideAt(c.started, c.outlook())
	switch c.decision.Verdict {
	case cachepolicy.Hit, cachepolicy.Stale:
		refresh := c.decision.Refresh
		if answered, err = c.serve(); answered && refresh {
			c.refresh()
		}
		return answered, err
	case cachepolicy.Validate:
		return c.whileFailing()
	}
	return false, nil
}

// outlook is what is known of the origin before it is asked.
func (c *call) outlook() cachepolicy.Origin {
	if c.rule.StaleIfOverloaded > 0 && c.target.load.overloaded(c.cache.now()) {
		return cachepolicy.OriginOverloaded
	}
	return cachepolicy.OriginUntried
}

// decide asks the one decision function about what was found.
func (c *call) decide(o cachepolicy.Origin) { c.decideAt(c.cache.now(), o) }

func (c *call) decideAt(now time.Duration, o cachepolicy.Origin) {
	var e *cachepolicy.Entry
	if c.found != nil {
		e = &c.found.policy
	}
	c.decision = cachepolicy.Decide(e, c.rule, c.wish, now, o)
}

// prepare works out the call's identity. It returns why the cache cannot take
// part, "" if it can.
func (c *call) prepare(req, reply any) (why string) {
	if c.cache.closed.Load() {
		return "closed"
	}
	var (
		isProto, isProtoReply bool
		err                   error
	)
	c.req, isProto = req.(proto.Message)
	c.reply, isProtoReply = reply.(proto.Message)
	if !isProto || !isProtoReply {
		return "not protobuf"
	}
	if c.codec == nil {
		return "codec"
	}
	if len(metadata.ValueFromOutgoingContext(c.ctx, wire.KeyIfNoneMatch)) > 0 {
		return "if-none-match" // the caller validates a copy of its own
	}
	principal, why := c.principal()
	if why != "" {
		return why
	}
	if c.creds && (c.rule.Scope == cachepolicy.Principal && principal == "" || c.variesByUnseen()) {
		return "call credentials"
	}
	if !c.cache.weak.principals {
		c.caller = principal
	}
	if c.key, err = c.keyOf(c.req); err != nil {
		c.cache.complain(c.method, "a request has no key", "error", err)
		return "no key"
	}
	return ""
}

// keyOf is the key of a request that is the call's, or a part of it.
func (c *call) keyOf(req proto.Message) (store.Key, error) {
	in := cachepolicy.KeyInput{
		Space: c.cache.space, Target: c.target.name, Authority: c.authority,
		Method: c.method.name, Principal: c.caller, Request: req,
	}
	if len(c.rule.Vary) > 0 {
		in.Metadata = c.metadata()
	}
	return c.rule.Key(in)
}

func (c *call) metadata() func(string) []string {
	return func(key string) []string { return metadata.ValueFromOutgoingContext(c.ctx, key) }
}

// heedRequestDirectives adds what the caller asks by request metadata, which is
// how a server passes on what was asked of it.
func (c *call) heedRequestDirectives() {
	if asked := metadata.ValueFromOutgoingContext(c.ctx, wire.KeyCacheMinVersion); len(asked) > 0 {
		if v, err := wire.ParseVersion(asked); err == nil { // a malformed one asks for nothing
			MinVersion(v).apply(&c.callConfig)
		}
	}
	values := metadata.ValueFromOutgoingContext(c.ctx, wire.KeyCacheControl)
	if len(values) == 0 {
		return
	}
	d := wire.ParseRequest(values)
	if v, ok := d.MaxAge.Get(); ok {
		MaxAge(v).apply(&c.callConfig)
	}
	if v, ok := d.MinFresh.Get(); ok {
		MinFresh(v).apply(&c.callConfig)
	}
	if v, ok := d.MaxStale.Get(); ok {
		MaxStale(v).apply(&c.callConfig)
	}
	if v, ok := d.StaleIfError.Get(); ok {
		c.wish.StaleIfError = v
	}
	c.wish.NoCache = c.wish.NoCache || d.NoCache
	c.wish.OnlyIfCached = c.wish.OnlyIfCached || d.OnlyIfCached
	c.noStore = c.noStore || d.NoStore
}

// variesByUnseen reports whether the call's own credentials may carry metadata
// that the key should have: they are asked below every interceptor.
func (c *call) variesByUnseen() bool {
	for _, k := range c.rule.Vary {
		if len(metadata.ValueFromOutgoingContext(c.ctx, k)) == 0 {
			return true
		}
	}
	return false
}

func (c *call) principal() (name, why string) {
	if c.rule.Scope == cachepolicy.Public {
		return "", ""
	}
	if c.cache.principal == nil {
		c.cache.complain(c.method, "nothing of a method of scope PRINCIPAL is cached without WithPrincipal")
		return "", "no principal extractor"
	}
	name, err := c.cache.principal(c.ctx)
	if err != nil {
		c.cache.complain(c.method, "the principal extractor failed", "error", err)
		return "", "principal"
	}
	return name, ""
}

// bypass makes the call as if there were no cache.
func (c *call) bypass(why string, req, reply any) error {
	c.outcome.Result, c.outcome.Detail = Bypass, why
	c.outcome.CacheStatus = wire.Status{Fwd: wire.FwdBypass, Detail: why}.String()
	err := c.invoker(c.ctx, c.method.name, req, reply, c.cc, c.opts...)
	for _, o := range c.opts {
		if o, ok := o.(grpc.HeaderCallOption); ok {
			if *o.HeaderAddr == nil {
				*o.HeaderAddr = metadata.MD{}
			}
			o.HeaderAddr.Append(wire.KeyCacheStatus, c.outcome.CacheStatus)
		}
	}
	return err
}

// fail ends the call with an error of the cache's own or of the call's context.
func (c *call) fail(err error) error {
	c.outcome.Result = Error
	s := wire.Status{Fwd: c.forwardReason(), Detail: canonical(status.Code(err))}
	c.handBack(c.withStatus(nil, s), nil, nil, err)
	return err
}

func onlyIfCachedMiss(method string) error {
	s := status.New(codes.Unavailable, "freshet cache: nothing usable is stored, and the call is only-if-cached")
	detailed, err := s.WithDetails(&errdetails.ErrorInfo{
		Reason: ReasonOnlyIfCachedMiss, Domain: ErrorDomain,
		Metadata: map[string]string{"method": method},
	})
	if err != nil {
		return s.Err()
	}
	return detailed.Err()
}
