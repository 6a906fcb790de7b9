package balancer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/freshet-io/freshet/balancer"
)

func withHealth(b *backend) { b.health = health.NewServer() }

func TestNotServingGetsNoCallsAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(3, withHealth)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.drive(100, time.Second)
		servers[0].health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		synctest.Wait()
		tr := c.drive(100, 2*time.Second)
		if tr.by[addrs[0]] != 0 || tr.errors != 0 {
			t.Errorf("while not serving: %d calls and %d errors, want 0 and 0", tr.by[addrs[0]], tr.errors)
		}
		servers[0].health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		synctest.Wait()
		c.drive(100, 12*time.Second) // slow start
		if got := c.drive(100, 3*time.Second).share(addrs[0]); got < 0.2 {
			t.Errorf("serving again, it got %.2f of the calls, want 0.2 or more", got)
		}
	})
}

func TestHealthOptions(t *testing.T) {
	const base = `{"healthCheckConfig":{"serviceName":"of.base"}}`
	for _, tt := range []struct {
		name string
		opts []balancer.Option
		// down is the service of server 0 that does not serve.
		down   string
		avoids bool
	}{
		{"default asks for the whole server", nil, "", true},
		{"base names the service", []balancer.Option{balancer.WithBaseServiceConfig(base)}, "of.base", true},
		{"option wins over base", []balancer.Option{balancer.WithBaseServiceConfig(base), balancer.WithHealthService("of.option")}, "of.option", true},
		{"base is not asked when the option names another", []balancer.Option{balancer.WithBaseServiceConfig(base), balancer.WithHealthService("of.option")}, "of.base", false},
		{"off", []balancer.Option{balancer.WithoutHealthCheck()}, "", false},
		{"off wins over base", []balancer.Option{balancer.WithBaseServiceConfig(base), balancer.WithoutHealthCheck()}, "of.base", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(2, func(b *backend) {
					withHealth(b)
					b.health.SetServingStatus("of.base", healthpb.HealthCheckResponse_SERVING)
					b.health.SetServingStatus("of.option", healthpb.HealthCheckResponse_SERVING)
				})
				defer stopAll(servers)
				servers[0].health.SetServingStatus(tt.down, healthpb.HealthCheckResponse_NOT_SERVING)
				c := f.freshet(endpoints(addrs...), tt.opts...)
				defer c.Close()
				if got := c.drive(50, time.Second).by[addrs[0]] == 0; got != tt.avoids {
					t.Errorf("server avoided: %v, want %v", got, tt.avoids)
				}
			})
		})
	}
}
