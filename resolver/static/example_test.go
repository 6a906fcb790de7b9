package static_test

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/static"
)

func ExampleParse() {
	t, err := static.Parse("static:///10.0.0.2:443,10.0.0.1:443?authority=search.example")
	fmt.Println(t.Addresses, t.Authority, err)

	_, err = static.Parse("static:///10.0.0.2,10.0.0.1:443?auhtority=search.example")
	fmt.Println(err)
	// Output:
	// [10.0.0.1:443 10.0.0.2:443] search.example <nil>
	// static: target "static:///10.0.0.2,10.0.0.1:443?auhtority=search.example": unknown option "auhtority", known: authority; address 1, "10.0.0.2": must be host:port: missing port in address
}

func ExampleNewBuilder() {
	cc, err := grpc.NewClient("static:///10.0.0.1:50051,10.0.0.2:50051",
		grpc.WithResolvers(static.NewBuilder()),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget())
	// Output:
	// static:///10.0.0.1:50051,10.0.0.2:50051
}
