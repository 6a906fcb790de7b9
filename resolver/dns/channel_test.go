package dns_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// A server that is added gets calls though no connection has failed, and an
// outage of the name service costs none.
func TestCallsFollowTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
		z := newZone("A search.example")
		z.set("A search.example", "10.0.0.1 10.0.0.2")
		b := dns.NewBuilderOf(func(string) dns.NameService { return z }, func() float64 { return 0 })
		cc := f.Connect(t, "dns+poll:///search.example:80?interval=10s", grpc.WithResolvers(b))
		synctest.Wait()
		if got := resolvertest.Count(t, cc, 20); got["10.0.0.1:80"] != 10 || got["10.0.0.2:80"] != 10 {
			t.Errorf("calls by server: got %v, want 10 each of the first two", got)
		}
		z.set("A search.example", "10.0.0.1 10.0.0.2 10.0.0.3")
		resolvertest.Advance(interval)
		if got := resolvertest.Count(t, cc, 30); got["10.0.0.3:80"] != 10 {
			t.Errorf("calls by server: got %v, want 10 each", got)
		}
		z.remove("A search.example")
		resolvertest.Advance(20 * interval)
		if got := resolvertest.Count(t, cc, 30); len(got) != 3 {
			t.Errorf("calls by server: got %v, want 10 each", got)
		}
		if _, authority, err := resolvertest.Call(t.Context(), cc); err != nil || authority != "search.example:80" {
			t.Errorf("authority: got %q, %v, want search.example:80", authority, err)
		}
	})
}

func TestPortsOfSRVRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "10.0.0.1:81", "10.0.0.1:82")
		z := newZone(srv)
		z.set(srv, []*net.SRV{{Target: "h.", Port: 81}, {Target: "h.", Port: 82}})
		z.set("A h.", "10.0.0.1")
		b := dns.NewBuilderOf(func(string) dns.NameService { return z }, func() float64 { return 0 })
		cc := f.Connect(t, srvTarget, grpc.WithResolvers(b))
		synctest.Wait()
		if got := resolvertest.Count(t, cc, 20); got["10.0.0.1:81"] != 10 || got["10.0.0.1:82"] != 10 {
			t.Errorf("calls by server: got %v, want 10 each", got)
		}
		if _, authority, err := resolvertest.Call(t.Context(), cc); err != nil || authority != "h" {
			t.Errorf("authority: got %q, %v, want h", authority, err)
		}
	})
}

func TestTheFirstCallSaysWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone("A gone")
		b := dns.NewBuilderOf(func(string) dns.NameService { return z }, func() float64 { return 0 })
		for target, want := range map[string]string{"dns+poll:///gone": "dns: gone: no addresses", "dns+poll:///a/b": "must have labels"} {
			cc := resolvertest.Fleet{}.Connect(t, target, grpc.WithResolvers(b))
			_, _, err := resolvertest.Call(t.Context(), cc)
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want UNAVAILABLE with %q", target, err, want)
			}
		}
	})
}
