package endpoint_test

import (
	"fmt"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

func Example() {
	e := resolver.Endpoint{Addresses: []resolver.Address{{Addr: "10.0.0.1:50051"}}}
	e = endpoint.Set(e, endpoint.Info{Zone: "eu-1a", Priority: 1})
	e = weight.Set(e, weight.EndpointInfo{Weight: 300})
	e = endpoint.SetDraining(e, true)

	fmt.Printf("%+v\n", endpoint.Get(e))
	fmt.Println(weight.FromEndpoint(e).Weight)
	// Output:
	// {Zone:eu-1a Priority:1 Draining:true}
	// 300
}
