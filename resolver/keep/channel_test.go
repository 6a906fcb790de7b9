package keep_test

import (
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/keep"
)

// With round_robin, as with most policies, an empty list alone fails every call.
// Wrapped, none.
func TestCallsOutliveAnEmptyList(t *testing.T) {
	for _, tt := range []struct {
		name string
		wrap func(resolver.Builder) (resolver.Builder, error)
		want bool
	}{
		{"wrapped", func(b resolver.Builder) (resolver.Builder, error) { return keep.Wrap(b) }, true},
		{"alone", func(b resolver.Builder) (resolver.Builder, error) { return b, nil }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := resolvertest.NewFleet(t, "a:1", "b:2")
				inner := manual.NewBuilderWithScheme("inner")
				b, err := tt.wrap(inner)
				if err != nil {
					t.Fatal(err)
				}
				inner.InitialState(resolvertest.State("b:2 a:1"))
				cc := f.Connect(t, "inner:///search.example", grpc.WithResolvers(b))
				synctest.Wait()
				if got := resolvertest.Count(t, cc, 10); got["a:1"] != 5 || got["b:2"] != 5 {
					t.Errorf("calls by server: got %v, want 5 each", got)
				}
				inner.UpdateState(resolvertest.State(""))
				inner.CC().ReportError(errDown)
				synctest.Wait()
				_, authority, err := resolvertest.Call(t.Context(), cc)
				if (err == nil) != tt.want {
					t.Errorf("a call after the empty list: got %v, want success: %v", err, tt.want)
				}
				if tt.want && authority != "search.example" {
					t.Errorf("authority: got %q, want search.example", authority)
				}
			})
		})
	}
}
