package client

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
)

// NewPlain returns a client on what grpc-go ships: round_robin, and no cache.
func NewPlain(id int, where Addresses, opts ...grpc.DialOption) (*Client, error) {
	c := &Client{id: id}
	err := c.connect(func(name service.Name) (*grpc.ClientConn, error) {
		replicas := manual.NewBuilderWithScheme("replicas")
		addrs := where(name)
		endpoints := make([]resolver.Endpoint, len(addrs))
		for i, addr := range addrs {
			endpoints[i].Addresses = []resolver.Address{{Addr: addr}}
		}
		replicas.InitialState(resolver.State{Endpoints: endpoints})
		return grpc.NewClient("replicas:///"+string(name), append([]grpc.DialOption{
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithResolvers(replicas),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}], ` + methodConfig + `}`),
		}, opts...)...)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
