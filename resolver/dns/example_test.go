package dns_test

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/dns"
)

func ExampleParse() {
	t, err := dns.Parse("dns+poll://10.0.0.53/search.example:50051?interval=10s")
	fmt.Println(t.Server, t.Host, t.Port, t.Interval, t.Authority, err)

	_, err = dns.Parse("dns+poll:///search.example:50051?interval=10ms&retries=3")
	fmt.Println(err)
	// Output:
	// 10.0.0.53:53 search.example 50051 10s search.example:50051 <nil>
	// dns: target "dns+poll:///search.example:50051?interval=10ms&retries=3": unknown option "retries", known: authority, empty, interval, jitter, min_interval, srv, timeout; interval must be between 1s and 24h0m0s, got 10ms
}

func ExampleNewBuilder() {
	cc, err := grpc.NewClient("dns+poll:///_grpc._tcp.search.example?interval=10s",
		grpc.WithResolvers(dns.NewBuilder()),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget())
	// Output:
	// dns+poll:///_grpc._tcp.search.example
}
