package balancer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

func TestSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, nil)
		state := described(endpoints(append(addrs, "10.0.0.9:443")...), func(i int) endpoint.Info {
			return endpoint.Info{Zone: string(rune('a' + i/2)), Priority: i / 4}
		})
		c := f.configured(balancer.Config{Zone: "a", PoolSize: 8}, state)
		c.drive(100, 2*time.Second)
		servers[1].failWith(codes.Unavailable)
		c.drive(200, 2*time.Second)

		all := balancer.Snapshots()
		if len(all) != 1 || all[0].Target != "fleet:///service" || all[0].Zone != "a" || all[0].Config.PoolSize != 8 {
			t.Fatalf("got %+v, want the one channel as it was configured", all)
		}
		got := all[0].Endpoints
		if len(got) != 5 {
			t.Fatalf("got %d endpoints, want 5", len(got))
		}
		if e := got[0]; e.Addresses[0] != addrs[0] || e.State != "READY" || !e.Connected || e.Zone != "a" || !e.Reported ||
			e.Service == 0 || e.Latency < 4*time.Millisecond || e.Phase != "normal" || e.Share != 1 || e.Picks["report"] == 0 {
			t.Errorf("a good endpoint is explained as %+v", e)
		}
		if e := got[1]; e.Failed == 0 && e.Reason == "" {
			t.Errorf("a failing endpoint is explained as %+v", e)
		}
		if e := got[4]; e.State == "READY" || e.Error == "" && e.State == "TRANSIENT_FAILURE" || e.Priority != 1 || e.Zone != "c" {
			t.Errorf("an endpoint that is down is explained as %+v", e)
		}
		c.Close()
		stopAll(servers)
		synctest.Wait()
		if all := balancer.Snapshots(); len(all) != 0 {
			t.Errorf("after Close there are %d snapshots, want 0", len(all))
		}
	})
}
