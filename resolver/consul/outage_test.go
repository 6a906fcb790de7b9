package consul_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/resolver/consul"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

// The agent breaks queries, has no leader, and hangs; the policy freshet has its
// servers throughout, and what is new afterwards.
func TestAnOutageCostsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
		a := newAgent(t, instances("10.0.0.1:80 10.0.0.2:80"))
		b := consul.NewBuilder(consul.WithHTTPClient(watchtest.Serve(t, a)))
		cc := f.Connect(t, "consul://agent.example:8500/search", append(balancer.DialOptions(balancer.Config{}), grpc.WithResolvers(b))...)
		synctest.Wait()
		for i, outage := range []func(w http.ResponseWriter, r *http.Request){
			nil,
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "No cluster leader", http.StatusInternalServerError)
			},
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		} {
			a.with(func() {
				a.answer = func(w http.ResponseWriter, r *http.Request) bool {
					if outage == nil {
						return false
					}
					outage(w, r)
					return true
				}
			})
			for range 4 {
				watchtest.Advance(5 * time.Minute)
				if got := resolvertest.Count(t, cc, 20); len(got) != 2 {
					t.Fatalf("outage %d: calls by server: got %v, want two servers", i, got)
				}
			}
		}
		a.with(func() { a.answer = nil })
		a.put(instances("10.0.0.3:80"))
		watchtest.Advance(3 * time.Minute)
		if got := resolvertest.Count(t, cc, 20); got["10.0.0.3:80"] != 20 {
			t.Errorf("calls by server afterwards: got %v, want 20 of the new one", got)
		}
	})
}
