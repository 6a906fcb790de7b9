package balancer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/balancer"
)

// TestProbes lets servers answer probes: a client that makes few calls then knows more
// of them than its calls tell.
func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(40, func(b *backend) { b.orca = true })
		defer stopAll(servers)
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		// Of what later calls find out, a probe may have been the reason to look there.
		if _, err := c.call(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(60 * time.Millisecond)
		called, reported := 0, 0
		for _, e := range balancer.Snapshots()[0].Endpoints {
			if len(e.Picks) > 0 {
				called++
			}
			if e.Reported {
				reported++
			}
		}
		if reported <= called {
			t.Errorf("%d endpoints have reported, of which %d were called: no probe brought a report", reported, called)
		}
	})
}
