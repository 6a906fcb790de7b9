package subset_test

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/static"
	"github.com/freshet-io/freshet/resolver/subset"
)

func ExampleWrap() {
	b, err := subset.Wrap(static.NewBuilder(), 2, subset.WithClient("web-0"), subset.WithScheme("static+few"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cc, err := grpc.NewClient("static+few:///10.0.0.1:443,10.0.0.2:443,10.0.0.3:443?authority=search.example",
		grpc.WithResolvers(b),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(b.Scheme())

	_, err = subset.Wrap(static.NewBuilder(), 0)
	fmt.Println(err)
	// Output:
	// static+few
	// subset: size must be between 1 and 100000, got 0
}
