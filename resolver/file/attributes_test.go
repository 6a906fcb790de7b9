package file_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/file"
)

// states keeps what a resolver publishes, whole.
type states struct {
	resolver.ClientConn // panics on what is not overridden

	all chan resolver.State
}

func (s states) UpdateState(state resolver.State) error {
	s.all <- state
	return nil
}

// What a file says of an endpoint is in its attributes, and a change of nothing
// else is published.
func TestAttributes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, `endpoints: [{addresses: [b:1], zone: z, priority: 2, weight: 7}, {addresses: [a:1]}]`)
	synctest.Test(t, func(t *testing.T) {
		u, err := url.Parse(targetOf(path))
		if err != nil {
			t.Fatal(err)
		}
		got := states{all: make(chan resolver.State, 8)}
		r, err := file.NewBuilder().Build(resolver.Target{URL: *u}, got, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		s := <-got.all
		if a := s.Endpoints[0].Attributes; a != nil {
			t.Errorf("a:1, of which nothing is said: got attributes %v, want none", a)
		}
		want := endpoint.Info{Zone: "z", Priority: 2}
		if info, w := endpoint.Get(s.Endpoints[1]), weight.FromEndpoint(s.Endpoints[1]).Weight; info != want || w != 7 {
			t.Errorf("b:1: got %+v and weight %d, want %+v and 7", info, w, want)
		}
		for _, change := range []string{"zone: y, priority: 2, weight: 7", "zone: y, priority: 3, weight: 7", "zone: y, priority: 3, weight: 8"} {
			replace(t, path, "endpoints: [{addresses: [b:1], "+change+"}, {addresses: [a:1]}]")
			advance(poll + settle)
			if len(got.all) != 1 {
				t.Fatalf("after the change to {%s}: got %d states, want 1", change, len(got.all))
			}
			<-got.all
		}
	})
}
