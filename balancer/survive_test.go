package balancer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer"
)

// TestUpdatesOpenNoConnections changes everything about endpoints but their addresses,
// and the configuration, and counts connections.
func TestUpdatesOpenNoConnections(t *testing.T) {
	parse := func(c *channel, json string) func(resolver.State) resolver.State {
		return func(s resolver.State) resolver.State {
			s.ServiceConfig = c.resolver.CC().ParseServiceConfig(json)
			return s
		}
	}
	for _, tt := range []struct {
		name   string
		change func(c *channel) func(resolver.State) resolver.State
	}{
		{"the same again", func(*channel) func(resolver.State) resolver.State {
			return func(s resolver.State) resolver.State { return s }
		}},
		{"attributes of addresses", func(*channel) func(resolver.State) resolver.State {
			return func(s resolver.State) resolver.State {
				for i := range s.Endpoints {
					s.Endpoints[i].Addresses[0].Attributes = attributes.New("round", i)
				}
				return s
			}
		}},
		{"an address twice", func(*channel) func(resolver.State) resolver.State {
			return func(s resolver.State) resolver.State {
				s.Endpoints = append(s.Endpoints, s.Endpoints[0])
				return s
			}
		}},
		{"configuration", func(c *channel) func(resolver.State) resolver.State {
			return parse(c, `{"loadBalancingConfig":[{"freshet":{"poolSize":3,"maxConcurrentCalls":7,"zone":"b"}}]}`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				servers, addrs := f.replicas(4, silent)
				defer stopAll(servers)
				servers[0].delay.Store(int64(500 * time.Millisecond))
				c := f.freshet(endpoints(addrs...))
				defer c.Close()
				c.drive(100, 3*time.Second)
				change := tt.change(c)
				slow := 0
				for range 5 {
					c.resolver.UpdateState(change(endpoints(addrs...)))
					synctest.Wait()
					tr := c.drive(100, 300*time.Millisecond)
					slow += tr.by[addrs[0]]
					if tr.errors > 0 {
						t.Errorf("%d calls failed, want 0", tr.errors)
					}
				}
				if got := f.dialled(); got != len(addrs) {
					t.Errorf("%d connections were opened, want the first %d", got, len(addrs))
				}
				if slow > 3 {
					t.Errorf("%d of 150 calls went to the server known to be slow, want at most 3", slow)
				}
			})
		})
	}
}

// TestIdlenessKeepsWhatWasLearnt lets the channel go idle, which closes the balancer.
func TestIdlenessKeepsWhatWasLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(4, silent)
		defer stopAll(servers)
		servers[0].delay.Store(int64(500 * time.Millisecond))
		c := f.channel(endpoints(addrs...), append(balancer.DialOptions(balancer.Config{}), grpc.WithIdleTimeout(300*time.Millisecond))...)
		defer c.Close()
		c.drive(100, 3*time.Second)
		slow := 0
		for range 12 {
			<-time.After(1500 * time.Millisecond) // well within the time constant of latency
			if got := len(balancer.Snapshots()); got != 0 {
				t.Fatalf("an idle channel has %d balancers, want 0", got)
			}
			tr := c.drive(100, 300*time.Millisecond)
			slow += tr.by[addrs[0]]
			if tr.errors > 0 {
				t.Errorf("%d calls failed, want 0", tr.errors)
			}
		}
		// A client that had forgotten would try it each time.
		if slow > 9 {
			t.Errorf("after 12 idle times %d of 360 calls went to the server known to be slow, want at most 9", slow)
		}
	})
}

// TestEndsAfterClose ends calls when their balancer is gone, and one never.
func TestEndsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc, closeLB := ready(t, `{}`, "a:1", "b:1")
		p := cc.picker()
		_, first, _ := pick(t, p)
		_, second, _ := pick(t, p)
		pick(t, p)
		closeLB()
		closeLB()
		first(ok(""))
		second(ok("\x13\x00\x80\xc2\xd7\x2f"))
		if addr, _, _ := pick(t, p); addr == "" {
			t.Error("a picker that outlives its balancer picks nothing")
		}
	})
}
