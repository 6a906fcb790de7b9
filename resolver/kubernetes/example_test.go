package kubernetes_test

import (
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/resolver/kubernetes"
)

func ExampleParse() {
	t, err := kubernetes.Parse("kubernetes:///search.shop:grpc?hold=5m")
	fmt.Println(t.Service, t.Namespace, t.Port, t.Hold, err)

	_, err = kubernetes.Parse("kubernetes:///search.shop:GRPC?hold=-1s")
	fmt.Println(err)
	// Output:
	// search shop grpc 5m0s <nil>
	// kubernetes: target "kubernetes:///search.shop:GRPC": hold must be between 0s and 24h0m0s, got -1s; port: must be a number, or a name of 1 to 63 of a-z, 0-9 and '-', got "GRPC"
}

// In a pod the import registers the scheme, and NewBuilder is not needed. Outside
// of the cluster it says where the API server is: here "kubectl proxy", for which
// no token is needed. Channels that share a client share its connections.
func ExampleNewBuilder() {
	builder, err := kubernetes.NewBuilder(
		kubernetes.WithURL("http://127.0.0.1:8001"),
		kubernetes.WithHTTPClient(&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Minute}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	cc, err := grpc.NewClient("kubernetes:///search.shop:grpc",
		grpc.WithResolvers(builder),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cc.Close()
	fmt.Println(cc.CanonicalTarget())
	// Output:
	// kubernetes:///search.shop:grpc
}
