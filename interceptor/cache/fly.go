package cache

import (
	"context"
	"log/slog"
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
)

// begin starts a flight for the call, which waits for it. The clock is read
// before anything is sent.
func (c *call) begin(known []uint64, alone bool) *flight {
	ctx, cancel := c.detach()
	ctx, state := callstate.New(ctx)
	fl := &flight{
		key: c.key, cancel: cancel, done: make(chan struct{}), waiters: 1, alone: alone, maxRecv: c.maxRecv,
		since: c.cache.clock.Now(), begun: c.cache.now(), known: known,
	}
	fl.retired = time.AfterFunc(c.cache.fetchTimeout, func() { c.cache.flight.retire(fl) })
	// The flight may outlive the call, and with it the call's hold on its
	// request.
	o := &origin{
		call: c, replaces: c.found != nil, opts: c.flightOptions(),
		req: proto.Clone(c.req), reply: c.reply.ProtoReflect().New().Interface(),
	}
	fl.result.err = status.Error(codes.Internal, "freshet cache: a call to the origin ended without a result")
	go func() {
		defer c.cache.flight.land(fl)
		defer func() {
			if p := recover(); p != nil {
				fl.result = flightResult{err: status.Errorf(codes.Internal, "freshet cache: a call to the origin panicked: %v", p)}
				c.cache.logger.Error("freshet cache: a call to the origin panicked",
					slog.String("method", c.method.name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			}
		}()
		o.fly(ctx, fl)
		if fl.result.endpoint == "" {
			fl.result.endpoint = state.Endpoint()
		}
	}()
	return fl
}

// origin is what a flight needs of the call that began it. Of the call itself it
// reads only what nobody changes any more: the options are the caller's again
// when the call has ended, as the request is.
type origin struct {
	call     *call
	opts     []grpc.CallOption
	req      proto.Message
	reply    proto.Message
	replaces bool // something was stored under the key
}

// fly makes the call and keeps what it brought.
func (o *origin) fly(ctx context.Context, fl *flight) {
	c := o.call
	c.cache.count.originCalls.Add(1)
	var (
		res             = &fl.result
		header, trailer metadata.MD
		p               peer.Peer
		codec           = &capture{inner: c.codec, named: c.named, reply: o.reply}
	)
	o.opts = append(o.opts, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p), grpc.ForceCodecV2(codec))
	res.err = c.invoker(ctx, c.method.name, o.req, o.reply, c.cc, o.opts...)
	res.header, res.trailer = header, trailer
	if p.Addr != nil {
		res.peer, res.endpoint = &p, p.Addr.String()
	}
	if res.err != nil {
		return
	}
	res.reply, res.body = o.reply, codec.bytes()
	if res.body == nil { // an interceptor made the reply, or decoded it elsewhere
		body, err := proto.Marshal(o.reply)
		if err != nil { // it is for its caller alone
			res.detail = "not encodable"
			return
		}
		res.body = append(make([]byte, 0, len(body)+valueSlack), body...)
	}
	c.fill(fl, o)
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
