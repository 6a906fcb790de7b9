package keep_test

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/keep"
)

func ExampleWrap() {
	b, err := keep.Wrap(resolver.Get("dns"), keep.WithBound(6*time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	cc, err := grpc.NewClient("dns:///search.example:443",
		grpc.WithResolvers(b),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(b.Scheme(), cc.CanonicalTarget())

	_, err = keep.Wrap(resolver.Get("etcd")) // whose package is not imported
	fmt.Println(err)
	// Output:
	// dns dns:///search.example:443
	// keep: builder must not be nil (resolver.Get returns nil for a scheme that is not registered)
}
