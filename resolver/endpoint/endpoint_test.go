package endpoint_test

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func draw(t *rapid.T) endpoint.Info {
	return endpoint.Info{
		Zone:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone"),
		Priority: rapid.IntRange(0, 2).Draw(t, "priority"),
		Draining: rapid.Bool().Draw(t, "draining"),
	}
}

// What is set is what is got, beside what others have set, and the endpoint it
// was set on stays as it was.
func TestSetAndGet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := draw(t), draw(t)
		base := resolver.Endpoint{Addresses: []resolver.Address{{Addr: "a:1"}}}
		base = weight.Set(base, weight.EndpointInfo{Weight: 7})
		old := endpoint.Set(base, before)
		got := endpoint.Set(old, after)
		if endpoint.Get(got) != after || endpoint.Get(old) != before || endpoint.Get(base) != (endpoint.Info{}) {
			t.Fatalf("after %v and %v: got %v, %v and %v", before, after, endpoint.Get(base), endpoint.Get(old), endpoint.Get(got))
		}
		if w := weight.FromEndpoint(got).Weight; w != 7 || got.Addresses[0].Addr != "a:1" {
			t.Fatalf("weight %d, addresses %v: got, want 7 and a:1", w, got.Addresses)
		}
		apart := endpoint.SetDraining(endpoint.SetPriority(endpoint.SetZone(old, after.Zone), after.Priority), after.Draining)
		if endpoint.Get(apart) != after || !apart.Attributes.Equal(got.Attributes) {
			t.Fatalf("set one by one: got %v, want %v", endpoint.Get(apart), after)
		}
		if endpoint.Zone(got) != after.Zone || endpoint.Priority(got) != after.Priority || endpoint.Draining(got) != after.Draining {
			t.Fatalf("read one by one: got %q, %d, %v, want %v", endpoint.Zone(got), endpoint.Priority(got), endpoint.Draining(got), after)
		}
		if same := endpoint.Set(base, after); same.Attributes.Equal(old.Attributes) != (before == after) {
			t.Fatalf("%v and %v: attributes are equal: got %v", before, after, same.Attributes.Equal(old.Attributes))
		}
	})
}

func TestNothingSaidIsNoAttribute(t *testing.T) {
	e := endpoint.SetDraining(endpoint.SetPriority(endpoint.SetZone(resolver.Endpoint{}, ""), -1), false)
	if e.Attributes != nil {
		t.Errorf("attributes: got %v, want none", e.Attributes)
	}
}

func TestNegativePriority(t *testing.T) {
	if got := endpoint.Priority(endpoint.SetPriority(resolver.Endpoint{}, -3)); got != 0 {
		t.Errorf("priority -3: got %d, want 0", got)
	}
}

// A stranger's attribute is no Info.
func TestForeignAttributes(t *testing.T) {
	e := resolver.Endpoint{Attributes: attributes.New("zone", "a")}
	if got := endpoint.Get(e); got != (endpoint.Info{}) {
		t.Errorf("got %v, want the zero Info", got)
	}
}
