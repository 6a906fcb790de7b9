package balancer_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer/callstate"
)

// replicas starts n servers and returns them with their addresses.
func (f *fleet) replicas(n int, configure func(*backend)) (servers []*backend, addrs []string) {
	for i := range n {
		addr := fmt.Sprintf("10.0.0.%d:443", i+1)
		servers, addrs = append(servers, f.start(configure, addr)), append(addrs, addr)
	}
	return servers, addrs
}

func stopAll(servers []*backend) {
	for _, s := range servers {
		s.stop()
	}
}

func silent(b *backend) { b.silent = true }

func TestEqualServersGetNearlyEqualLoad(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*backend)
		rule      callstate.Rule
	}{
		{"reporting", nil, callstate.RuleReport},
		{"silent", silent, callstate.RuleTwoChoices},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(5, tt.configure)
				defer stopAll(servers)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				tr := c.drive(200, 5*time.Second)
				if tr.errors > 0 {
					t.Errorf("%d calls failed, want 0", tr.errors)
				}
				for _, a := range addrs {
					if got := tr.share(a); got < 0.15 || got > 0.25 {
						t.Errorf("%s got %.3f of the calls, want 0.15 to 0.25", a, got)
					}
				}
				if got := tr.rules[tt.rule]; got < len(tr.latencies)*9/10 {
					t.Errorf("%d of %d calls were picked by rule %q, want 90 %%", got, len(tr.latencies), tt.rule)
				}
			})
		})
	}
}

// byTurns slows one server after the other down by 150 ms, 4 s each, and drives
// calls meanwhile. It returns all latencies and the share of calls that went to
// the slow one.
func byTurns(c *channel, servers []*backend, addrs []string) ([]time.Duration, float64) {
	var latencies []time.Duration
	slow := 0
	for i, s := range servers {
		s.delay.Add(int64(150 * time.Millisecond))
		tr := c.drive(200, 4*time.Second)
		s.delay.Add(int64(-150 * time.Millisecond))
		latencies = append(latencies, tr.latencies...)
		slow += tr.by[addrs[i]]
	}
	slices.Sort(latencies)
	return latencies, float64(slow) / float64(len(latencies))
}

func TestSlowByTurns(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*backend)
		limit     float64 // on the share of slow calls
	}{
		// Below 1 % they do not reach the p99. Without reports, the averages still
		// remember the servers that were slow before.
		{"reporting", nil, 0.009},
		{"silent", silent, 0.03},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(5, tt.configure)
				defer stopAll(servers)
				rr := f.channel(endpoints(addrs...), grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
				defer rr.Close()
				baseline, _ := byTurns(rr, servers, addrs)
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(200, time.Second)
				got, share := byTurns(c, servers, addrs)
				p99 := func(l []time.Duration) time.Duration { return l[len(l)*99/100] }
				t.Logf("p99 %v, round_robin's %v, %.2f %% of the calls were slow", p99(got), p99(baseline), 100*share)
				if tt.limit < 0.01 && p99(got) > p99(baseline)/2 {
					t.Errorf("p99 is %v, want at most half of round_robin's %v", p99(got), p99(baseline))
				}
				if share > tt.limit {
					t.Errorf("%.2f %% of the calls went to the slow server, want at most %.1f %%", 100*share, 100*tt.limit)
				}
			})
		})
	}
}

func TestSlowServerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(5, nil)
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		servers[0].delay.Store(int64(155 * time.Millisecond))
		c.drive(200, 2*time.Second)
		during := c.drive(200, 15*time.Second)
		if got := during.share(addrs[0]); got == 0 || got > 0.02 {
			t.Errorf("while slow the server got %.4f of the calls, want more than 0 and at most 0.02", got)
		}
		servers[0].delay.Store(int64(5 * time.Millisecond))
		c.drive(100, 20*time.Second)
		after := c.drive(100, 5*time.Second)
		if got := after.share(addrs[0]); got < 0.1 {
			t.Errorf("20 s after its recovery the server got %.3f of the calls, want 0.1 or more", got)
		}
	})
}
