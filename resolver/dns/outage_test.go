package dns_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// The name service first fails, then hangs, then knows the name no more; the policy
// freshet has its servers throughout, and what is new afterwards.
func TestAnOutageCostsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
		z := newZone("A search.example")
		z.set("A search.example", "10.0.0.1 10.0.0.2")
		b := dns.NewBuilderOf(func(string) dns.NameService { return z }, func() float64 { return 0 })
		cc := f.Connect(t, "dns+poll:///search.example:80?interval=10s",
			append(balancer.DialOptions(balancer.Config{}), grpc.WithResolvers(b))...)
		synctest.Wait()
		for i, outage := range []func(){
			func() {},
			func() { z.set("A search.example", errTimeout) },
			func() { z.set("A search.example", errHang) },
			func() { z.remove("A search.example") },
		} {
			outage()
			for range 4 {
				resolvertest.Advance(5 * time.Minute)
				if got := resolvertest.Count(t, cc, 20); len(got) != 2 {
					t.Fatalf("outage %d: calls by server: got %v, want two servers", i, got)
				}
			}
		}
		z.set("A search.example", "10.0.0.3")
		resolvertest.Advance(time.Minute)
		if got := resolvertest.Count(t, cc, 20); got["10.0.0.3:80"] != 20 {
			t.Errorf("calls by server afterwards: got %v, want 20 of the new one", got)
		}
	})
}
