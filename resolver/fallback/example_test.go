package fallback_test

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/fallback"
	_ "github.com/freshet-io/freshet/resolver/static"
)

func ExampleNew() {
	b, err := fallback.New("search",
		fallback.Source{Target: "dns:///search.example:443"},
		fallback.Source{Target: "static:///10.0.0.1:443,10.0.0.2:443"},
		fallback.WithDelay(30*time.Second))
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
	// Output:
	// search:///search.example
}
