package origin

import (
	"context"
	"errors"
	"log/slog"
	"maps"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
)

// Origin says with each reply of a server how long it may be reused, what groups
// it belongs to, and what the call has made untrue. One Origin serves any number
// of servers and channels. It holds no resources, and is safe for concurrent use.
type Origin struct {
	policies *cachepolicy.Set
	prefix   func(target string) string // nil: the target itself
	logger   *slog.Logger
	methods  methods
	hasher   *hasher // nil: replies have no automatic etag
}

// New returns an Origin for the policies that linked-in services are annotated
// with and those of [WithPolicies]: of the methods that it serves, and of those
// that its handlers call. The error names every impossible rule at once.
func New(opts ...Option) (*Origin, error) {
	cfg := newConfig(opts)
	policies := cfg.policies
	if cfg.annotations {
		own, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
		if err != nil {
			return nil, err
		}
		policies = cachepolicy.Merge(own, policies)
	}
	o := &Origin{policies: policies, prefix: cfg.prefix, logger: cfg.logger}
	if cfg.automaticETags {
		o.hasher = &hasher{}
	}
	o.methods.byName.Store(&map[string]*method{})
	return o, nil
}

// ServerOptions returns both server interceptors, to be chained behind those
// given to the server before. What turns a handler's errors and panics into
// statuses belongs behind them: whether a write may have taken effect is read
// off the status.
func (o *Origin) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(o.UnaryServerInterceptor()),
		grpc.ChainStreamInterceptor(o.StreamServerInterceptor()),
	}
}

// DialOptions returns the interceptors for the channels on which the handlers
// call other servers: what those replies say is then part of what this server's
// replies say. They go before a cache's, or its hits would say nothing:
//
//	opts := append(o.DialOptions(), cache.DialOptions()...)
//
// A call counts if its context comes from the handler's; all others pass.
func (o *Origin) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(o.callOut),
		grpc.WithChainStreamInterceptor(o.streamOut),
	}
}

// errUnfinished stands for the end of a handler that panicked: what it has
// written may stand.
var errUnfinished = errors.New("origin: the handler did not return")

// UnaryServerInterceptor serves unary calls. It changes no error, and a reply only
// where the caller has it already: an empty message takes its place.
func (o *Origin) UnaryServerInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
		c := o.begin(info.FullMethod, false)
		c.received(req)
		err = errUnfinished
		defer func() {
			e := c.end(ctx, reply, err)
			if e.empty != nil {
				reply = e.empty
			}
			// A client knows by the header not to expect a message, before it decodes
			// one; a header that the handler has sent already cannot be added to.
			if len(e.header) > 0 && grpc.SetHeader(ctx, e.header) != nil {
				maps.Copy(e.trailer, e.header)
			}
			c.say(e.trailer, func(md metadata.MD) error { return grpc.SetTrailer(ctx, md) })
		}()
		return handler(c.context(ctx), req)
	}
}

// StreamServerInterceptor serves streams. What is to be said goes with their
// end, in the trailer.
func (o *Origin) StreamServerInterceptor() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		c := o.begin(info.FullMethod, info.IsClientStream)
		s := &serverStream{ServerStream: ss, call: c, info: info}
		err = errUnfinished
		defer func() {
			c.say(c.end(ss.Context(), s.reply, err).trailer, func(md metadata.MD) error { ss.SetTrailer(md); return nil })
		}()
		return handler(srv, s)
	}
}
