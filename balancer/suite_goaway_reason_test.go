package balancer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
)

// TestCallsSayWhyTheirConnectionEnded is
// TestDetailedGoAwayErrorOnGracefulClosePropagatesToRPCError and …OnAbruptClose…: a call that is
// lost with its connection says what the server had said when it took its leave.
func TestCallsSayWhyTheirConnectionEnded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server keepalive.ServerParameters
		client keepalive.ClientParameters
		stop   bool
		want   string
	}{
		{name: "its time is up", want: "max_age", server: keepalive.ServerParameters{
			MaxConnectionAge: 10 * time.Second, MaxConnectionAgeGrace: 10 * time.Second,
		}},
		{name: "its time is up, and the server gone", want: "max_age", stop: true, server: keepalive.ServerParameters{
			MaxConnectionAge: 10 * time.Second,
		}},
		// A server allows pings every 5 min by default, and two that come earlier.
		{name: "the client pings too often", want: "too_many_pings", client: keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: time.Second,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(2, func(b *backend) {
					b.extra = append(b.extra, grpc.KeepaliveParams(tt.server))
				})
				defer stopAll(servers)
				c := f.channel(endpoints(addrs...), append(balancer.DialOptions(balancer.Config{}), grpc.WithKeepaliveParams(tt.client))...)
				defer c.Close()
				open := streamsTo(t, c, addrs)
				<-time.After(15 * time.Second)
				if tt.stop {
					stopAll(servers)
				}
				for addr, s := range open {
					_, err := s.Recv()
					if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("a stream to %s ended with %v, want UNAVAILABLE that says %s", addr, err, tt.want)
					}
				}
			})
		})
	}
}
