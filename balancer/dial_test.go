package balancer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
)

func TestFaultsAreSeenAtNewClient(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config balancer.Config
		base   string
		want   []string
	}{
		{"config", balancer.Config{PoolSize: 40, EWMADecay: -1}, "", []string{
			`policy "freshet": balancer: poolSize must be between 1 and 16, got 40`,
			`balancer: ewmaDecay must be between 100ms and 1h0m0s, got -1ns`,
		}},
		{"base", balancer.Config{}, `{"a":`, []string{
			`balancer: base service config must be a JSON object: unexpected end of JSON input`,
		}},
		{"base is a list", balancer.Config{}, `["a<b"]`, []string{
			`balancer: base service config must be a JSON object, got ["a<b"]`,
		}},
		{"config and base", balancer.Config{PoolSize: 40}, `{"methodConfig":{},"retryThrottling":[]}`, []string{
			`balancer: poolSize must be between 1 and 16, got 40`,
			`balancer: base service config: methodConfig must be an array, got {}`,
			`balancer: base service config: retryThrottling must be an object, got []`,
		}},
		{"inside of a base that is well formed", balancer.Config{}, `{"methodConfig":[{"name":[{"method":"x"}]}]}`, []string{
			`cannot combine empty 'service' and non-empty 'method'`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := balancer.DialOptions(tt.config, balancer.WithBaseServiceConfig(tt.base))
			opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
			cc, err := grpc.NewClient("passthrough:///x", opts...)
			if err == nil {
				cc.Close()
				t.Fatal("NewClient returned no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("NewClient's error is\n%v\nwant it to contain\n%s", err, w)
				}
			}
		})
	}
}

func TestServiceConfig(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config balancer.Config
		base   string
		want   string
	}{
		{
			"nothing",
			balancer.Config{},
			"",
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{}}]}`,
		},
		{
			"fields",
			balancer.Config{PoolSize: 8, ReportExpiry: 500 * time.Millisecond},
			"{}",
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{"poolSize":8,"reportExpiry":"0.5s"}}]}`,
		},
		{
			"null",
			balancer.Config{},
			"null",
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{}}]}`,
		},
		{
			"what is not ours survives",
			balancer.Config{},
			`{"methodConfig":[{"name":[{}]}],"unknown":1}`,
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{}}],"methodConfig":[{"name":[{}]}],"unknown":1}`,
		},
		{
			"other policies are replaced, in any case",
			balancer.Config{},
			`{"loadBalancingConfig":[{"round_robin":{}}],"LoadBalancingConfig":[],"loadBalancingPolicy":"x"}`,
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{}}]}`,
		},
		{
			"health of base",
			balancer.Config{},
			`{"HealthCheckConfig":{"serviceName":"a"}}`,
			`{"HealthCheckConfig":{"serviceName":"a"},"loadBalancingConfig":[{"freshet":{}}]}`,
		},
		{
			"null health of base",
			balancer.Config{},
			`{"healthCheckConfig":null}`,
			`{"healthCheckConfig":{"serviceName":""},"loadBalancingConfig":[{"freshet":{}}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.config.ServiceConfig(tt.base)
			if err != nil || got != tt.want {
				t.Errorf("got %s, error %v\nwant %s", got, err, tt.want)
			}
			r := grpc.WithDefaultServiceConfig(got)
			cc, err := grpc.NewClient("passthrough:///x", r, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatalf("gRPC refuses it: %v", err)
			}
			cc.Close()
		})
	}
}

func TestRetriesOfBaseHappen(t *testing.T) {
	const base = `{"methodConfig":[{"name":[{"service":"grpc.testing.TestService"}],"retryPolicy":{
		"maxAttempts":4,"initialBackoff":"0.01s","maxBackoff":"0.1s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		defer stopAll(servers)
		servers[0].failWith(codes.Unavailable)
		c := f.freshet(endpoints(addrs...), balancer.WithBaseServiceConfig(base))
		defer c.Close()
		retried := 0
		for range 50 {
			state, err := c.call(t.Context())
			if err != nil {
				t.Fatalf("a call failed in spite of retries: %v", err)
			}
			if state.Endpoint() != addrs[1] {
				t.Errorf("the last attempt went to %q, want %q", state.Endpoint(), addrs[1])
			}
			if state.Attempts() > 1 {
				retried++
			}
		}
		if retried == 0 {
			t.Error("no call was retried, want at least one")
		}
	})
}

func TestCallThatReachesNobodyHasEmptyState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		c := f.freshet(endpoints("10.0.0.9:443"))
		defer c.Close()
		state, err := c.call(t.Context())
		if err == nil || state.Attempts() != 0 || state.Endpoint() != "" || state.Rule() != callstate.RuleNone {
			t.Errorf("a call that reached nobody: endpoint %q, %d attempts, rule %q, error %v; want nothing and an error",
				state.Endpoint(), state.Attempts(), state.Rule(), err)
		}
	})
}
