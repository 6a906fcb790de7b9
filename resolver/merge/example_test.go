package merge_test

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/merge"
	_ "github.com/freshet-io/freshet/resolver/static"
)

func ExampleNew() {
	b, err := merge.New("search", []merge.Source{
		{Target: "dns:///search.eu.example:443"},
		{Target: "static:///10.0.0.1:443,10.0.0.2:443"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cc, err := grpc.NewClient("search:///search.example",
		grpc.WithResolvers(b),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget())

	_, err = merge.New("search", []merge.Source{{Target: "consul:///search"}}) // whose package is not imported
	fmt.Println(err)
	// Output:
	// search:///search.example
	// merge: sources[0]: target "consul:///search": no builder is registered for the scheme "consul"
}
