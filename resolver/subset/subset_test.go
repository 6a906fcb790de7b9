package subset_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/subset"
)

// start builds a resolver around one that the test speaks through.
func start(t *testing.T, size int, client string) (inner *manual.Resolver, cc *resolvertest.Channel, r resolver.Resolver) {
	t.Helper()
	inner = manual.NewBuilderWithScheme("inner")
	b, err := subset.Wrap(inner, size, subset.WithClient(client))
	if err != nil {
		t.Fatal(err)
	}
	cc = resolvertest.NewChannel(t)
	return inner, cc, resolvertest.Build(t, b, "inner:///x", cc)
}

// subsetOf returns what a client gets of a list.
func subsetOf(t *testing.T, size int, client string, endpoints ...string) []string {
	t.Helper()
	inner, cc, _ := start(t, size, client)
	if err := inner.CC().UpdateState(resolvertest.State(strings.Join(endpoints, " "))); err != nil {
		t.Fatal(err)
	}
	said, _ := cc.Drain()
	return strings.Fields(said[0])
}

func fleet(n int) []string {
	endpoints := make([]string, n)
	for i := range endpoints {
		endpoints[i] = fmt.Sprintf("10.0.%d.%d:443", i/256, i%256)
	}
	return endpoints
}

// These are choices of today. Another one tomorrow would make every client
// connect anew when it is updated.
func TestTheChoiceIsForGood(t *testing.T) {
	for _, tt := range []struct {
		client string
		want   string
	}{
		{"web-0", "10.0.0.15:443 10.0.0.16:443 10.0.0.2:443"},
		{"web-1", "10.0.0.12:443 10.0.0.6:443 10.0.0.8:443"},
	} {
		if got := strings.Join(subsetOf(t, 3, tt.client, fleet(20)...), " "); got != tt.want {
			t.Errorf("client %s: got %q, want %q", tt.client, got, tt.want)
		}
	}
}

// One endpoint that leaves or arrives changes at most one place, and none if it
// is not among the chosen.
func TestChurnIsMinimal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		endpoints := fleet(rapid.IntRange(2, 40).Draw(rt, "endpoints"))
		size := rapid.IntRange(1, 45).Draw(rt, "size")
		client := rapid.StringMatching("[a-z]{1,4}").Draw(rt, "client")
		gone := rapid.SampledFrom(endpoints).Draw(rt, "gone")
		before := subsetOf(t, size, client, rapid.Permutation(endpoints).Draw(rt, "order")...)
		after := subsetOf(t, size, client, slices.DeleteFunc(slices.Clone(endpoints), func(s string) bool { return s == gone })...)
		if want := min(size, len(endpoints)); len(before) != want {
			rt.Fatalf("got %d of %d endpoints, want %d", len(before), len(endpoints), want)
		}
		if want := min(size, len(endpoints)-1); len(after) != want {
			rt.Fatalf("got %d of %d endpoints, want %d", len(after), len(endpoints)-1, want)
		}
		for _, e := range before {
			if e != gone && !slices.Contains(after, e) {
				rt.Fatalf("without %s: got %q instead of %q", gone, after, before)
			}
		}
		if !slices.Contains(before, gone) && !slices.Equal(before, after) {
			rt.Fatalf("without %s, which was not chosen: got %q instead of %q", gone, after, before)
		}
	})
}

// Clients spread over the servers as independent draws do.
func TestSpread(t *testing.T) {
	const clients, servers, size = 400, 100, 20
	endpoints := fleet(servers)
	count := map[string]int{}
	for i := range clients {
		for _, e := range subsetOf(t, size, fmt.Sprintf("client-%d", i), endpoints...) {
			count[e]++
		}
	}
	const mean = clients * size / servers
	var sum float64
	for _, n := range count {
		sum += float64((n - mean) * (n - mean))
	}
	want := math.Sqrt(clients * (1.0 * size / servers) * (1 - 1.0*size/servers))
	if got := math.Sqrt(sum / servers); len(count) != servers || got > 1.25*want {
		t.Errorf("clients of a server: got a standard deviation of %.1f over %d servers, want at most 1.25 × %.1f over %d", got, len(count), want, servers)
	}
	most := slices.Max(slices.Collect(maps.Values(count)))
	if float64(most) > mean+4.5*want {
		t.Errorf("clients of the busiest server: got %d, mean %d", most, mean)
	}
}

func TestEachTierHasItsSubset(t *testing.T) {
	endpoints := fleet(60)
	for i := range endpoints {
		endpoints[i] += fmt.Sprintf("/%d", i%3+1)
	}
	got := map[int]int{}
	for _, e := range resolvertest.State(strings.Join(subsetOf(t, 5, "c", endpoints...), " ")).Endpoints {
		got[endpoint.Priority(e)]++
	}
	if want := map[int]int{1: 5, 2: 5, 3: 5}; !maps.Equal(got, want) {
		t.Errorf("endpoints by tier: got %v, want %v", got, want)
	}
}

// An endpoint that drains stays, and another comes in for it beforehand.
func TestDraining(t *testing.T) {
	endpoints := fleet(30)
	before := subsetOf(t, 5, "c", endpoints...)
	i := slices.Index(endpoints, before[2])
	endpoints[i] += "~"
	after := subsetOf(t, 5, "c", endpoints...)
	if len(after) != 6 || !slices.Contains(after, endpoints[i]) {
		t.Errorf("with %s: got %q, want it and 5 others", endpoints[i], after)
	}
	for _, e := range before {
		if e != before[2] && !slices.Contains(after, e) {
			t.Errorf("%s is gone: got %q, before %q", e, after, before)
		}
	}
	for i, e := range endpoints {
		endpoints[i] = strings.TrimSuffix(e, "~") + "~"
	}
	if all := subsetOf(t, 5, "c", endpoints...); len(all) != 5 {
		t.Errorf("when all drain: got %q, want 5", all)
	}
}

func TestNothingNewIsNotHandedOn(t *testing.T) {
	inner, cc, r := start(t, 3, "web-0")
	update := func(want error, endpoints ...string) {
		t.Helper()
		if err := inner.CC().UpdateState(resolvertest.State(strings.Join(endpoints, " "))); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	const chosen = "10.0.0.15:443 10.0.0.16:443 10.0.0.2:443"
	update(nil, fleet(20)...)
	update(nil, fleet(19)...) // the last one is not among the chosen
	cc.Want(chosen)
	update(balancer.ErrBadResolverState)
	cc.Want("")
	inner.CC().ReportError(errors.New("down"))
	update(nil, fleet(20)...)
	cc.Want("! down", chosen)
	r.Close()
	update(nil, "a:1")
	inner.CC().ReportError(errors.New("down"))
	cc.Want()
}

func TestWhatElseIsInAState(t *testing.T) {
	inner, cc, _ := start(t, 1, "c")
	s := resolvertest.State("a:1 b:1")
	s.ServiceConfig, s.Attributes = inner.CC().ParseServiceConfig("{}"), attributes.New("k", "v")
	if err := inner.CC().UpdateState(s); err != nil {
		t.Fatal(err)
	}
	if err := inner.CC().UpdateState(resolver.State{Attributes: s.Attributes}); err != nil {
		t.Fatal(err)
	}
	_, states := cc.Drain()
	if len(states) != 2 || states[0].ServiceConfig != s.ServiceConfig || !states[1].Attributes.Equal(s.Attributes) || len(states[0].Endpoints) != 1 {
		t.Errorf("got %v, want a state with config, attributes and one endpoint, and one with attributes", states)
	}
}

func TestWrapNamesWhatIsWrong(t *testing.T) {
	m := manual.NewBuilderWithScheme("m")
	for _, tt := range []struct {
		name    string
		builder resolver.Builder
		size    int
		opts    []subset.Option
		want    string
	}{
		{"size", m, 0, nil, "subset: size must be between 1 and 100000, got 0"},
		{"client", m, 1, []subset.Option{subset.WithClient("")}, "subset: the client's name must not be empty"},
		{"everything", nil, 1e6, []subset.Option{subset.WithClient("")}, "subset: size must be between 1 and 100000, got 1000000\nsubset: the client's name must not be empty\nsubset: builder must not be nil"},
		{"scheme", m, 1, []subset.Option{subset.WithScheme("-")}, "subset: scheme must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := subset.Wrap(tt.builder, tt.size, tt.opts...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAChannelConnectsToItsSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addresses := []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}
		f := resolvertest.NewFleet(t, addresses...)
		inner := manual.NewBuilderWithScheme("inner")
		b, err := subset.Wrap(inner, 2, subset.WithClient("me"), subset.WithScheme("few"))
		if err != nil {
			t.Fatal(err)
		}
		inner.InitialState(resolvertest.State(strings.Join(addresses, " ")))
		cc := f.Connect(t, "few:///search.example", grpc.WithResolvers(b))
		synctest.Wait()
		got := resolvertest.Count(t, cc, 20)
		want := subsetOf(t, 2, "me", addresses...)
		if len(got) != 2 || got[want[0]] != 10 || got[want[1]] != 10 {
			t.Errorf("calls by server: got %v, want 10 each of %q", got, want)
		}
	})
}
