package balancer

import (
	"context"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // gRPC checks health only where this is linked in.

	"github.com/freshet-io/freshet/balancer/callstate"
)

// Option configures [DialOptions].
type Option interface{ apply(*dialConfig) }

type option func(*dialConfig)

func (f option) apply(c *dialConfig) { f(c) }

type dialConfig struct {
	base    string
	health  healthChoice
	service string
}

// WithBaseServiceConfig merges the policy into a service config, given as JSON:
// see [Config.ServiceConfig] for what survives. Pass here what would
// otherwise be given to grpc.WithDefaultServiceConfig. The default is "{}"; the
// last one wins.
func WithBaseServiceConfig(json string) Option {
	return option(func(c *dialConfig) { c.base = json })
}

// WithHealthService makes client health checking ask for the named service. It
// wins over the base's healthCheckConfig. The default, without one in the base, is
// "", which is the server as a whole. Of this and [WithoutHealthCheck] the last
// wins.
func WithHealthService(name string) Option {
	return option(func(c *dialConfig) { c.health, c.service = healthNamed, name })
}

// WithoutHealthCheck turns client health checking off, also if the base asks for
// it. An endpoint then gets calls whenever it is connected.
func WithoutHealthCheck() Option {
	return option(func(c *dialConfig) { c.health = healthOff })
}

// DialOptions returns the options for grpc.NewClient that make a channel use the
// policy: a default service config, and unary and stream interceptors that put a
// [callstate.State] into the context of each call that has none.
//
// The default service config is one slot of the channel, in which the last
// option wins: do not use grpc.WithDefaultServiceConfig beside these, use
// [WithBaseServiceConfig]. A service config from the resolver replaces it as a
// whole, unless grpc.WithDisableServiceConfig is given. The interceptors
// are chained; those that want to read the State come before.
//
// A faulty Config or base cannot be reported here. grpc.NewClient returns it, as one error
// that names every fault.
func DialOptions(c Config, opts ...Option) []grpc.DialOption {
	var d dialConfig
	for _, o := range opts {
		o.apply(&d)
	}
	sc, err := serviceConfig(c, d.base, d.health, d.service)
	if err != nil {
		sc = faultyServiceConfig(err)
	}
	return []grpc.DialOption{
		grpc.WithDefaultServiceConfig(sc),
		grpc.WithChainUnaryInterceptor(unaryState),
		grpc.WithChainStreamInterceptor(streamState),
	}
}

func unaryState(
	ctx context.Context, method string, req, reply any,
	cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	ctx, _ = callstate.Ensure(ctx)
	return invoker(ctx, method, req, reply, cc, opts...)
}

func streamState(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn,
	method string, streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, state := callstate.Ensure(ctx)
	state.MarkStream()
	return streamer(ctx, desc, cc, method, opts...)
}
