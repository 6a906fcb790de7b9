package client

import (
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/interceptor/cache"
	_ "github.com/freshet-io/freshet/resolver/static" // the scheme of the target
)

// NewFreshet returns a client on freshet: the policies that the services'
// protos declare, balancing by load reports, and the traveller as the principal
// that replies are kept apart by.
func NewFreshet(id int, where Addresses, tracer trace.TracerProvider, opts ...grpc.DialOption) (*Client, error) {
	replies, err := cache.New(cache.WithPrincipal(service.OutgoingTraveller), cache.WithTracerProvider(tracer))
	if err != nil {
		return nil, err
	}
	c := &Client{id: id, cache: replies}
	err = c.connect(func(name service.Name) (*grpc.ClientConn, error) {
		dial := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
		dial = append(dial, replies.DialOptions()...)
		dial = append(dial, balancer.DialOptions(balancer.Config{}, balancer.WithBaseServiceConfig(`{`+methodConfig+`}`))...)
		return grpc.NewClient("static:///"+strings.Join(where(name), ","), append(dial, opts...)...)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
