package cache

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// errNoResult is what a call to the origin has brought that runs away from its goroutine.
var errNoResult = status.Error(codes.Internal, "freshet cache: a call to the origin ended without a result")

// begin prepares a flight for the call, which waits for it unless the flight is in
// the background. The clock is read before anything is sent; it is sent by run.
func (c *call) begin(known []epoch.Group, kind flightKind) *flight {
	c.held = true
	ctx, cancel := c.detach(kind)
	ctx, state := callstate.New(ctx)
	fl := &flight{
		key: c.key, cancel: cancel, done: make(chan struct{}), alone: kind == flightAlone, maxRecv: c.maxRecv,
		since: c.cache.clock.Now(), begun: c.cache.now(), known: known,
	}
	if kind == flightBackground {
		fl.goesOn = true
		c.cache.count.refreshes.Add(1)
	} else {
		fl.waiters = 1
	}
	if kind == flightBackground || !c.stay {
		fl.retired = time.AfterFunc(c.cache.fetchTimeout, func() { c.cache.flight.retire(fl) })
	} else {
		fl.ages = fl.begun + c.cache.fetchTimeout // its caller waits: nothing is to be cancelled then
	}
	o := &origin{
		call: c, state: state, background: kind == flightBackground, opts: c.flightOptions(),
		req: c.req, reply: c.reply, replies: c.reply.ProtoReflect().Type(), stored: c.stored(),
	}
	if kind == flightBackground || !c.stay {
		// The flight may outlive the call, and with it the call's hold on its
		// messages.
		o.req, o.reply = proto.Clone(c.req), nil
	}
	fl.result.err = errNoResult
	fl.run = func() {
		defer func() {
			if kind == flightBackground {
				c.cache.refreshing.Add(-1)
			}
			c.cache.flight.land(fl)
		}()
		defer func() {
			if p := recover(); p != nil {
				fl.result = flightResult{err: status.Errorf(codes.Internal, "freshet cache: a call to the origin panicked: %v", p)}
				c.cache.logger.Error("freshet cache: a call to the origin panicked",
					slog.String("method", c.method.name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			}
		}()
		o.fly(ctx, fl)
	}
	return fl
}

// start makes the flight's call in a goroutine of its own, which ends with the call: its context
// is cancelled when nobody needs it any more.
func (fl *flight) start() {
	go func() {
		growStack()
		fl.run()
	}()
}

// growStack makes room at once for what a call needs: growing step by step, with everything
// copied each time, costs a call over loopback a twentieth.
//
//go:noinline
func growStack() {
	var room [24 << 10]byte
	runtime.KeepAlive(&room)
}

// flightKind says for whom a flight is.
type flightKind int

const (
	flightShared     flightKind = iota
	flightAlone                 // for one call, that nobody joins; nothing is stored of it
	flightBackground            // for the store
)

// origin is what a flight needs of the call that began it. Of the call itself it
// reads only what nobody changes any more: the options and the request are the
// caller's again when the call has ended, and its reply may be filled from what is stored
// while the flight is under way.
type origin struct {
	call       *call
	state      *callstate.State
	background bool
	opts       []grpc.CallOption
	req        proto.Message
	reply      proto.Message // the caller's, who stays; nil: one of the flight's own
	replies    protoreflect.MessageType
	stored     *entry // what was stored under the key when the flight began, nil for nothing
}

// stored is a copy of what the call found, as the flight needs it: what is known
// of the call's own goes on changing.
func (c *call) stored() *entry {
	if c.found == nil {
		return nil
	}
	e := *c.found
	return &e
}

// fly asks the origin, and keeps what it brought. It asks a second time when the
// first answer cannot be used by anybody: the origin says that what is stored is
// still good, and it is not; or a replica has answered that is behind what is
// known.
func (o *origin) fly(ctx context.Context, fl *flight) {
	c := o.call
	validating := o.validates()
	for {
		fl.result = o.ask(ctx, fl, validating)
		res := &fl.result
		if res.err != nil {
			c.fillError(fl, o)
			break
		}
		outcome := c.fill(fl, o, validating)
		if outcome == filled {
			break
		}
		if outcome == fillLagging {
			if c.target.lag.spend() {
				o.elsewhere(ctx, fl)
			}
			break
		}
		validating = false
		c.cache.flight.restart(fl, c.cache.clock.Now(), c.cache.now())
	}
	o.ended(fl)
}

// elsewhere asks once more, another endpoint if the policy freshet is in use, because
// the reply was a lagging replica's. If that fails, the first reply is the flight's
// result; if it lags, too, the newer one.
func (o *origin) elsewhere(ctx context.Context, fl *flight) {
	c := o.call
	first := fl.result
	o.reply = nil // what the first has brought may have to stand
	c.cache.count.lagging.Add(1)
	o.state.Reject()
	since, begun := c.cache.clock.Now(), c.cache.now()
	second := o.ask(ctx, fl, false)
	if second.err != nil {
		return
	}
	c.cache.flight.restart(fl, since, begun)
	fl.result = second
	if c.fill(fl, o, false) == fillLagging && fl.result.version < first.version {
		fl.result = first
	}
}

// attempt is what one call to the origin hands back beside its reply. It is one allocation.
type attempt struct {
	capture
	header, trailer metadata.MD
	peer            peer.Peer
}

// flightsOwnOptions is how many options an attempt adds.
const flightsOwnOptions = 4

// ask makes the call. With validating it is made on the condition that what is stored
// is no longer good.
func (o *origin) ask(ctx context.Context, fl *flight, validating bool) flightResult {
	c := o.call
	c.cache.count.originCalls.Add(1)
	c.target.lag.earn()
	reply := o.reply
	if reply == nil {
		reply = o.replies.New().Interface()
	}
	a := &attempt{capture: capture{inner: c.codec, named: c.named, reply: reply}}
	opts := make([]grpc.CallOption, 0, len(o.opts)+flightsOwnOptions)
	opts = append(append(opts, o.opts...), grpc.Header(&a.header), grpc.Trailer(&a.trailer), grpc.Peer(&a.peer), grpc.ForceCodecV2(&a.capture))
	var res flightResult
	res.err = c.invoker(o.condition(ctx, validating), c.method.name, o.req, reply, c.cc, opts...)
	res.header, res.trailer = a.header, a.trailer
	if a.peer.Addr != nil {
		res.peer, res.endpoint = &a.peer, c.target.addrs.text(a.peer.Addr)
	} else {
		res.endpoint = o.state.Endpoint()
	}
	if res.err != nil {
		return res
	}
	res.reply, res.body = reply, a.capture.bytes()
	if res.body == nil { // an interceptor made the reply, or decoded it elsewhere
		var err error
		if res.body, err = encoded(reply); err != nil { // it is for its caller alone
			res.detail = detailNotEncodable
		}
	}
	return res
}

// ended tells those who decide whether to ask again how the flight ended.
func (o *origin) ended(fl *flight) {
	c, res := o.call, &fl.result
	code := status.Code(res.err)
	c.target.pulse.ended(code, c.cache.now())
	if o.state.Strained() || code == codes.ResourceExhausted && res.served() {
		c.target.load.sign(c.cache.now())
	}
	switch {
	case code == codes.Canceled: // given up here: the origin has said nothing
	case !originFailure(code):
		c.cache.backoff.succeeded(fl.key)
	case o.stored != nil, c.items != nil:
		c.cache.backoff.failed(fl.key, c.cache.now(), pushback(res.err, res.trailer))
	}
}

// move makes dst equal to src, a message of the same type, sharing what lies
// below the top level: src is nobody's from now on.
func move(dst, src proto.Message) {
	proto.Reset(dst)
	d, s := dst.ProtoReflect(), src.ProtoReflect()
	s.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		d.Set(fd, v)
		return true
	})
	if u := s.GetUnknown(); len(u) > 0 {
		d.SetUnknown(u)
	}
}
