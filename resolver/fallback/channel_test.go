package fallback_test

import (
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/fallback"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	_ "github.com/freshet-io/freshet/resolver/static"
)

// The name service goes away and comes back, and no call fails.
func TestCallsFallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "a:1", "b:1")
		p := manual.NewBuilderWithScheme("p")
		b, err := fallback.New("search", fallback.Source{Builder: p, Target: "p:///x"}, fallback.Source{Target: "static:///b:1?authority=other.example"})
		if err != nil {
			t.Fatal(err)
		}
		p.InitialState(resolvertest.State("a:1"))
		cc := f.Connect(t, "search:///search.example", grpc.WithResolvers(b))
		synctest.Wait()
		want := func(server string) {
			t.Helper()
			if got := resolvertest.Count(t, cc, 5); got[server] != 5 {
				t.Errorf("calls by server: got %v, want all at %s", got, server)
			}
		}
		want("a:1")
		p.UpdateState(resolvertest.State(""))
		resolvertest.Advance(delay / 2)
		want("a:1")
		resolvertest.Advance(delay / 2)
		want("b:1")
		p.UpdateState(resolvertest.State("a:1"))
		synctest.Wait()
		want("a:1")
		if _, authority, err := resolvertest.Call(t.Context(), cc); err != nil || authority != "search.example" {
			t.Errorf("authority: got %q, %v, want search.example", authority, err)
		}
	})
}
