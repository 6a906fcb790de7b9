package merge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/merge"
	"github.com/freshet-io/freshet/resolver/static"
)

func TestCallsReachAllSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "a:1", "b:1", "c:1")
		late := manual.NewBuilderWithScheme("late")
		b, err := merge.New("search", []merge.Source{
			{Target: "static:///a:1,b:1"},
			{Builder: late, Target: "late:///x"},
		})
		if err != nil {
			t.Fatal(err)
		}
		cc := f.Connect(t, "search:///search.example", grpc.WithResolvers(b))
		resolvertest.Advance(time.Second)
		if got := resolvertest.Count(t, cc, 10); got["a:1"] != 5 || got["b:1"] != 5 {
			t.Errorf("calls by server: got %v, want 5 each of a:1 and b:1", got)
		}
		late.UpdateState(resolvertest.State("c:1 a:1"))
		synctest.Wait()
		if got := resolvertest.Count(t, cc, 12); got["a:1"] != 4 || got["b:1"] != 4 || got["c:1"] != 4 {
			t.Errorf("calls by server: got %v, want 4 each", got)
		}
		if _, authority, err := resolvertest.Call(t.Context(), cc); err != nil || authority != "search.example" {
			t.Errorf("authority: got %q, %v, want search.example", authority, err)
		}
	})
}

// Whose target the channel's is, that source names the authority.
func TestAuthorityOfTheFirstSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resolvertest.NewFleet(t, "a:1", "b:1")
		for _, tt := range []struct {
			name, target, want string
			first              merge.Source
		}{
			{"the channel's target is the source's", "search:///a:1?authority=one.example", "one.example", merge.Source{Builder: static.NewBuilder()}},
			{"the channel's target names nobody", "search:///", "two.example", merge.Source{Target: "static:///a:1?authority=two.example"}},
		} {
			b, err := merge.New("search", []merge.Source{tt.first, {Target: "static:///b:1"}})
			if err != nil {
				t.Fatal(err)
			}
			cc := f.Connect(t, tt.target, grpc.WithResolvers(b))
			synctest.Wait()
			for range 2 {
				if _, authority, err := resolvertest.Call(t.Context(), cc); err != nil || authority != tt.want {
					t.Errorf("%s: authority: got %q, %v, want %q", tt.name, authority, err, tt.want)
				}
			}
		}
	})
}

// A target that a source's builder refuses is told by the first call.
func TestABadTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := false
		m := manual.NewBuilderWithScheme("m")
		m.CloseCallback = func() { closed = true }
		b, err := merge.New("search", []merge.Source{{Builder: m, Target: "m:///x"}, {Target: "static:///a"}})
		if err != nil {
			t.Fatal(err)
		}
		cc := resolvertest.Fleet{}.Connect(t, "search:///", grpc.WithResolvers(b))
		if _, _, err := resolvertest.Call(t.Context(), cc); status.Code(err) != codes.Unavailable || !closed {
			t.Errorf("got %v, first source closed: %v, want UNAVAILABLE and true", err, closed)
		}
		var _ resolver.AuthorityOverrider = b.(resolver.AuthorityOverrider)
	})
}
