package kubernetes_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

// The API server breaks watches, refuses, hangs, and says that its history is gone;
// the policy freshet has its servers throughout, and what is new afterwards.
func TestAnOutageCostsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051")
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		a.put("search-b", pods("IPv4", "p2=10.0.0.2"))
		b, err := kubernetes.NewBuilder(kubernetes.WithURL("http://api.example"), kubernetes.WithHTTPClient(watchtest.Serve(t, a)))
		if err != nil {
			t.Fatal(err)
		}
		cc := f.Connect(t, "kubernetes:///search.shop:grpc", append(balancer.DialOptions(balancer.Config{}), grpc.WithResolvers(b))...)
		synctest.Wait()
		for i, outage := range []func(w http.ResponseWriter, r *http.Request){
			nil,
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusServiceUnavailable, "etcd is down") },
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusGone, "too old resource version") },
		} {
			a.with(func() {
				a.answer = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
					if outage == nil {
						return false
					}
					outage(w, r)
					return true
				}
			})
			a.cut()
			for range 4 {
				watchtest.Advance(5 * time.Minute)
				if got := resolvertest.Count(t, cc, 20); len(got) != 2 {
					t.Fatalf("outage %d: calls by server: got %v, want two servers", i, got)
				}
			}
		}
		a.with(func() { a.answer = nil })
		a.put("search-a", pods("IPv4", "p3=10.0.0.3"))
		a.remove("search-b")
		watchtest.Advance(3 * time.Minute)
		if got := resolvertest.Count(t, cc, 20); got["10.0.0.3:50051"] != 20 {
			t.Errorf("calls by server afterwards: got %v, want 20 of the new one", got)
		}
	})
}
