package balancer_test

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/balancer"
)

func ExampleDialOptions() {
	opts := balancer.DialOptions(
		balancer.Config{ReportExpiry: 2 * time.Second},
		balancer.WithBaseServiceConfig(`{"retryThrottling":{"maxTokens":100,"tokenRatio":0.1}}`),
	)
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("dns:///directory.example.com:443", opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(conn.CanonicalTarget())
	// Output: dns:///directory.example.com:443
}

// A Config that is out of its limits is refused by grpc.NewClient.
func ExampleDialOptions_faulty() {
	opts := balancer.DialOptions(balancer.Config{PoolSize: 40, ReportExpiry: time.Hour})
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	_, err := grpc.NewClient("dns:///directory.example.com:443", opts...)
	fmt.Println(err)
	// Output:
	// grpc: the provided default service config is invalid: error parsing config for policy "freshet": balancer: poolSize must be between 1 and 16, got 40
	// balancer: reportExpiry must be between 10ms and 1m0s, got 1h0m0s
}

func ExampleConfig_ServiceConfig() {
	config := balancer.Config{PoolSize: 8, EWMADecay: 1500 * time.Millisecond}
	js, err := config.ServiceConfig(`{"retryThrottling":{"maxTokens":100,"tokenRatio":0.1}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(js)
	// Output: {"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{"ewmaDecay":"1.5s","poolSize":8}}],"retryThrottling":{"maxTokens":100,"tokenRatio":0.1}}
}
