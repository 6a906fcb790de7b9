package origin

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"google.golang.org/grpc/metadata"
)

// callKey is the context key of the call that a handler serves.
type callKey struct{}

// call is one call that is being served, and what is to be said at its end.
type call struct {
	origin *Origin
	method *method

	mu    sync.Mutex
	ended bool
	// names are the groups of the method's templates.
	names naming
	// What the handler said.
	said        *directives
	named       field
	etag        string // "": none
	notModified bool   // the caller has the reply of that etag, and the handler has left its work
	version     uint64 // 0: none
	// owed is what the reply owes to those that it was built from.
	owed debt
	// untrue is what the call has made untrue, by the handler's word and that of
	// downstream servers; everything, where it cannot be told.
	untrue field
	// writes are the annotated calls to downstream servers that are under way.
	writes map[*write]struct{}
}

func (o *Origin) begin(name string, streamed bool) *call {
	m := o.method(name)
	return &call{origin: o, method: m, names: naming{templates: m.groups, streamed: streamed}}
}

// context returns the context in which the handler is part of the call.
func (c *call) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// received takes the request in.
func (c *call) received(req any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names.see(req)
}

func (c *call) complain(cause string, attrs ...slog.Attr) {
	c.origin.complain(c.method, cause, attrs...)
}

// say sends the metadata. The stream may be gone, and with it whoever would hear.
func (c *call) say(md metadata.MD, setTrailer func(metadata.MD) error) {
	if len(md) == 0 {
		return
	}
	if err := setTrailer(md); err != nil {
		c.origin.logger.Debug("freshet origin: a trailer could not be set", slog.String("method", c.method.name), slog.Any("error", err))
	}
}

var (
	errNoCall = errors.New("origin: the context is not that of a call that an Origin serves: are its interceptors installed?")
	errEnded  = errors.New("origin: the call has ended")
)

// serving returns the call that ctx belongs to, nil for none.
func serving(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// within runs f on the call that ctx belongs to, while it lasts.
func within(ctx context.Context, f func(*call) error) error {
	c := serving(ctx)
	if c == nil {
		return errNoCall
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errEnded
	}
	return f(c)
}
