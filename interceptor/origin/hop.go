package origin

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// callOut is the interceptor of the unary calls that handlers make.
func (o *Origin) callOut(ctx context.Context, name string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	c := serving(ctx)
	if c == nil {
		return invoker(ctx, name, req, reply, cc, opts...)
	}
	h := hop{origin: o, call: c, method: o.method(name), cc: cc}
	switch {
	case !h.method.safe:
		w := newWrite(h, false)
		w.names.see(req)
		w.begin()
		defer w.leave()
		// Each attempt counts, for one that is made again may have taken effect;
		// and what came of them, which an interceptor in between may decode.
		err := invoker(ctx, name, req, reply, cc, w.listen(opts, func(err error) { w.settle(reply, err) })...)
		w.settle(reply, err)
		return err
	case c.method.safe:
		r := newRead(h)
		err := invoker(ctx, name, req, reply, cc, r.listen(opts, nil)...)
		r.end(ctx, req, reply, err)
		return err
	default: // what a reply of ours that nobody reuses was built from
		return invoker(ctx, name, req, reply, cc, opts...)
	}
}

// streamOut is the interceptor of the streams that handlers open.
func (o *Origin) streamOut(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, name string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c := serving(ctx)
	if c == nil {
		return streamer(ctx, desc, cc, name, opts...)
	}
	h := hop{origin: o, call: c, method: o.method(name), cc: cc}
	switch {
	case !h.method.safe:
		return newWrite(h, desc.ClientStreams).open(ctx, desc, streamer, opts)
	case c.method.safe:
		r := newRead(h)
		return streamer(ctx, desc, cc, name, r.listen(opts, func(err error) { r.end(ctx, nil, nil, err) })...)
	default:
		return streamer(ctx, desc, cc, name, opts...)
	}
}

// hop is a call to a downstream server, made by the handler of a call.
type hop struct {
	origin *Origin
	call   *call
	method *method // downstream
	cc     *grpc.ClientConn

	header, trailer metadata.MD
}

// listen adds to the options what brings the reply's metadata, and its end if
// that is wanted. The caller's options are not touched.
func (h *hop) listen(opts []grpc.CallOption, onFinish func(error)) []grpc.CallOption {
	out := make([]grpc.CallOption, 0, len(opts)+3)
	out = append(out, grpc.Header(&h.header), grpc.Trailer(&h.trailer))
	if onFinish != nil {
		out = append(out, grpc.OnFinish(onFinish))
	}
	return append(out, opts...)
}

// values returns what header and trailer hold of a key.
func (h *hop) values(key string) []string {
	return slices.Concat(h.header[key], h.trailer[key])
}

// under returns the downstream's groups as this server calls them.
func (h *hop) under(groups []wire.Group) []wire.Group { return h.origin.under(h.cc, groups) }
