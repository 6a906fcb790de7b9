package consul_test

import (
	"crypto/tls"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/consul"
)

func ExampleParse() {
	t, err := consul.Parse("consul://10.0.0.1:8500/search?tag=blue&wait=30s")
	fmt.Println(t.Agent, t.Service, t.Tags, t.Wait, t.Authority, err)

	_, err = consul.Parse("consul:///search?wait=1h&tags=blue")
	fmt.Println(err)
	// Output:
	// 10.0.0.1:8500 search [blue] 30s search.service.consul <nil>
	// consul: target "consul:///search": unknown option "tags", known: authority, dc, hold, near, ns, partition, passing, tag, tls, wait, zone_meta; wait must be between 1s and 10m0s, got 1h0m0s
}

func ExampleNewBuilder() {
	cc, err := grpc.NewClient("consul://consul.example:8501/search",
		grpc.WithResolvers(consul.NewBuilder(
			consul.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13}),
			consul.WithTokenFile("/run/secrets/consul"),
		)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget())
	// Output:
	// consul://consul.example:8501/search
}
