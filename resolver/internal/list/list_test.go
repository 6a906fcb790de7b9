package list_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/resolver/internal/list"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

func TestNormal(t *testing.T) {
	for _, tt := range []struct{ name, given, want string }{
		{"sorted", "b:1 a:2 a:1", "a:1 a:2 b:1"},
		{"first of equals counts", "b:1 a:1*3 a:1*4", "a:1*3 b:1"},
		{"addresses keep their order", "b:1|a:1", "b:1|a:1"},
		{"an endpoint is a set of addresses", "b:1|a:1@x a:1|b:1@y a:1", "a:1 b:1|a:1@x"},
		{"an address twice in one", "a:1|a:1 a:1", "a:1|a:1"},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			given := resolvertest.State(tt.given)
			if got := resolvertest.String(list.Normal(given)); got != tt.want {
				t.Errorf("Normal(%q): got %q, want %q", tt.given, got, tt.want)
			}
			if got := resolvertest.String(given); got != tt.given {
				t.Errorf("Normal changed what it was given: got %q, want %q", got, tt.given)
			}
		})
	}
}

func TestAnEndpointWithoutAddressesIsNone(t *testing.T) {
	s := resolver.State{Endpoints: []resolver.Endpoint{{}, {Addresses: []resolver.Address{{Addr: "a:1"}}}, {}}}
	if got := resolvertest.String(list.Normal(s)); got != "a:1" {
		t.Errorf("got %q, want a:1", got)
	}
	s.Endpoints = s.Endpoints[:1]
	if !list.Empty(s) {
		t.Error("a list of an endpoint without addresses: got not empty, want empty")
	}
}

// A resolver of old gives Addresses only, and a policy of old reads only those.
func TestAddressesOnly(t *testing.T) {
	known := attributes.New("k", "v")
	s := list.Normal(resolver.State{Addresses: []resolver.Address{{Addr: "b:1"}, {Addr: "a:1", BalancerAttributes: known}}})
	if got := resolvertest.String(s); got != "a:1 b:1" || list.Empty(s) {
		t.Fatalf("endpoints: got %q, want a:1 b:1", got)
	}
	if !s.Endpoints[0].Attributes.Equal(known) || s.Endpoints[0].Addresses[0].BalancerAttributes != nil { //nolint:staticcheck // see above
		t.Errorf("attributes of the endpoint: got %v, want %v", s.Endpoints[0], known)
	}
	if !s.Addresses[0].BalancerAttributes.Equal(known) || s.Addresses[1].BalancerAttributes != nil { //nolint:staticcheck // see above
		t.Errorf("attributes of the addresses: got %v, want %v for a:1", s.Addresses, known)
	}
}

func TestEmpty(t *testing.T) {
	if !list.Empty(resolver.State{ServiceConfig: &serviceconfig.ParseResult{}}) {
		t.Error("nothing but a service config: got not empty, want empty")
	}
	if list.Empty(resolver.State{Attributes: attributes.New("xds", 1)}) {
		t.Error("attributes and no addresses: got empty, want not empty")
	}
}

// The order and the repetitions of a list make no difference, and normalising
// again none either.
func TestNormalIsOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a:1", "b:1", "a:1|b:1", "c:1|b:1|a:1", "a:2"})
		words := rapid.SliceOfDistinct(word, func(s string) string { return s }).Draw(t, "endpoints")
		again := rapid.Permutation(append(slices.Clone(words), words...)).Draw(t, "again")
		one := list.Normal(resolvertest.State(strings.Join(words, " ")))
		two := list.Normal(resolvertest.State(strings.Join(again, " ")))
		if !list.Same(one, two) || !list.Same(one, list.Normal(one)) {
			t.Fatalf("got %q and %q", resolvertest.String(one), resolvertest.String(two))
		}
		if len(one.Endpoints) != len(words) {
			t.Fatalf("got %q, want all of %q", resolvertest.String(one), words)
		}
	})
}

func TestSame(t *testing.T) {
	config := &serviceconfig.ParseResult{}
	base := func() resolver.State {
		s := resolvertest.State("a:1@x*2 b:1")
		s.ServiceConfig, s.Attributes = config, attributes.New("k", 1)
		return s
	}
	for _, tt := range []struct {
		name   string
		change func(*resolver.State)
		want   bool
	}{
		{"nothing", func(*resolver.State) {}, true},
		{"an endpoint more", func(s *resolver.State) { s.Endpoints = append(s.Endpoints, s.Endpoints[0]) }, false},
		{"an address", func(s *resolver.State) { s.Endpoints[0].Addresses[0].Addr = "c:1" }, false},
		{"a server name", func(s *resolver.State) { s.Endpoints[0].Addresses[0].ServerName = "x" }, false},
		{"an attribute", func(s *resolver.State) { s.Endpoints = resolvertest.State("a:1@y*2 b:1").Endpoints }, false},
		{"equal attributes", func(s *resolver.State) { s.Attributes = attributes.New("k", 1) }, true},
		{"the state's attributes", func(s *resolver.State) { s.Attributes = attributes.New("k", 2) }, false},
		{"another service config", func(s *resolver.State) { s.ServiceConfig = &serviceconfig.ParseResult{} }, false},
		{"no service config", func(s *resolver.State) { s.ServiceConfig = nil }, false},
		{"values that cannot be compared", func(s *resolver.State) { s.Attributes = attributes.New("k", []int{1}) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := base()
			tt.change(&changed)
			if got := list.Same(base(), changed); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	uncomparable := resolver.State{Attributes: attributes.New("k", []int{1})}
	if list.Same(uncomparable, resolver.State{Attributes: attributes.New("k", []int{1})}) {
		t.Error("two values that cannot be compared: got the same, want different")
	}
}
