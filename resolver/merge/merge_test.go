package merge_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/merge"
)

var errDown = errors.New("down")

// sources returns resolvers that the test speaks through, and what merges them.
func sources(t *testing.T, schemes ...string) ([]*manual.Resolver, resolver.Builder) {
	t.Helper()
	var inner []*manual.Resolver
	var list []merge.Source
	for _, scheme := range schemes {
		m := manual.NewBuilderWithScheme(scheme)
		inner = append(inner, m)
		list = append(list, merge.Source{Builder: m, Target: scheme + ":///t?secret=1"})
	}
	b, err := merge.New("all", list)
	if err != nil {
		t.Fatal(err)
	}
	return inner, b
}

// two starts a resolver of two sources that have not said anything.
func two(t *testing.T) (a, b *manual.Resolver, cc *resolvertest.Channel, r resolver.Resolver) {
	t.Helper()
	logged.Drain("")
	inner, builder := sources(t, "a", "b")
	cc = resolvertest.NewChannel(t)
	r = resolvertest.Build(t, builder, "all:///x", cc)
	return inner[0], inner[1], cc, r
}

func update(t *testing.T, inner *manual.Resolver, s string, want error) {
	t.Helper()
	if err := inner.CC().UpdateState(resolvertest.State(s)); !errors.Is(err, want) {
		t.Errorf("UpdateState(%q): got %v, want %v", s, err, want)
	}
}

func TestUnion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		update(t, a, "c:1@a b:1@a", nil)
		cc.Want()
		update(t, b, "b:1@b a:1@b", nil)
		cc.Want("a:1@b b:1@a c:1@a")
		update(t, b, "a:1@b b:1@other a:1@b", nil) // the first source's b:1 counts
		cc.Want()
		update(t, a, "c:1@a", nil)
		cc.Want("a:1@b b:1@other c:1@a")
		resolvertest.Advance(time.Hour)
		cc.Want()
	})
}

func TestTheFirstListWaitsForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		resolvertest.Advance(time.Second / 2)
		update(t, a, "a:1", nil)
		resolvertest.Advance(time.Second/2 - 1)
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("a:1")
		update(t, b, "b:1", nil)
		cc.Want("a:1 b:1")
	})
}

func TestSilentSourcesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b, cc, _ := two(t)
		resolvertest.Advance(time.Minute)
		cc.Want()
		update(t, b, "b:1", nil)
		cc.Want("b:1")
	})
}

func TestErrorsTakeNothingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		a.CC().ReportError(errDown)
		cc.Want()
		update(t, b, "b:1", nil)
		cc.Want("b:1")
		b.CC().ReportError(errDown)
		a.CC().ReportError(errDown)
		cc.Want()
		update(t, a, "a:1", nil)
		cc.Want("a:1 b:1")
		want := []string{
			`merge: all: "a:///t": down; 0 endpoints stay`,
			`merge: all: "b:///t": down; 1 endpoints stay`,
			`merge: all: "a:///t": is good again: 1 endpoints`,
		}
		if diff := cmp.Diff(want, logged.Drain("freshet/merge")); diff != "" {
			t.Errorf("logged, -want +got:\n%s", diff)
		}
	})
}

func TestErrorsReachAChannelWithoutAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		a.CC().ReportError(errDown)
		resolvertest.Advance(time.Second)
		cc.Want(`! merge: "a:///t": down`)
		b.CC().ReportError(errors.New("gone"))
		cc.Want(`! merge: "a:///t": down; "b:///t": gone`)
		update(t, b, "", balancer.ErrBadResolverState)
		cc.Want(`! merge: "a:///t": down`)
		update(t, b, "b:1", nil)
		cc.Want("b:1")
	})
}

// One empty list is believed, and whoever gave it is asked for another.
func TestEmptyLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		update(t, a, "", balancer.ErrBadResolverState)
		update(t, b, "b:1", nil)
		update(t, a, "a:1", nil)
		update(t, b, "", balancer.ErrBadResolverState)
		cc.Want("b:1", "a:1 b:1", "a:1")
		update(t, a, "", balancer.ErrBadResolverState)
		cc.Want("")
	})
}

func TestWhatTheChannelSaysIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		cc.Refuse(errDown)
		update(t, a, "a:1", nil) // which the channel has not seen
		update(t, b, "b:1", errDown)
		update(t, a, "a:1", errDown)
		cc.Refuse(nil)
		update(t, a, "a:1", nil)
		update(t, b, "b:1", nil)
		cc.Want("a:1 b:1", "a:1 b:1", "a:1 b:1")
	})
}

func TestServiceConfigAndAttributesAreTheFirsts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, cc, _ := two(t)
		sb := resolvertest.State("b:1")
		sb.ServiceConfig, sb.Attributes = b.CC().ParseServiceConfig("b"), attributes.New("k", "b")
		if err := b.CC().UpdateState(sb); err != nil {
			t.Fatal(err)
		}
		update(t, a, "a:1", nil)
		sa := resolvertest.State("a:1")
		sa.ServiceConfig, sa.Attributes = a.CC().ParseServiceConfig("a"), attributes.New("k", "a")
		if err := a.CC().UpdateState(sa); err != nil {
			t.Fatal(err)
		}
		_, states := cc.Drain()
		if len(states) != 2 {
			t.Fatalf("got %d states, want 2", len(states))
		}
		for i, want := range []resolver.State{sb, sa} {
			if states[i].ServiceConfig != want.ServiceConfig || !states[i].Attributes.Equal(want.Attributes) {
				t.Errorf("state %d: got %v %v, want %v %v", i, states[i].ServiceConfig, states[i].Attributes, want.ServiceConfig, want.Attributes)
			}
		}
	})
}

func TestCloseAndResolveNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, builder := sources(t, "a", "b")
		var heard []string
		for _, m := range inner {
			m.ResolveNowCallback = func(resolver.ResolveNowOptions) { heard = append(heard, "now "+m.Scheme()) }
			m.CloseCallback = func() { heard = append(heard, "close "+m.Scheme()) }
		}
		cc := resolvertest.NewChannel(t)
		r := resolvertest.Build(t, builder, "all:///x", cc)
		update(t, inner[0], "a:1", nil)
		r.ResolveNow(resolver.ResolveNowOptions{})
		r.Close()
		if got := strings.Join(heard, ", "); got != "now a, now b, close a, close b" {
			t.Errorf("got %s", got)
		}
		resolvertest.Advance(time.Minute)
		update(t, inner[1], "b:1", nil)
		inner[1].CC().ReportError(errDown)
		cc.Want()
	})
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	_, err := merge.New("A b", []merge.Source{{}, {Target: "nope:///x"}, {Target: "dns:///%zz"}})
	want := []string{
		`merge: scheme must be`, `merge: sources[0]: must have a target or a builder`,
		`merge: sources[1]: target "nope:///x": no builder is registered for the scheme "nope"`, `merge: sources[2]: target: parse`,
	}
	if err == nil || strings.Count(err.Error(), "\n") != len(want)-1 {
		t.Fatalf("got %v, want %q", err, want)
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("got %q, want %q", line, want[i])
		}
	}
	for _, n := range []int{0, 65} {
		if _, err := merge.New("a", make([]merge.Source, n)); err == nil || !strings.Contains(err.Error(), "merge: there must be between 1 and 64 sources, got ") {
			t.Errorf("%d sources: got %v", n, err)
		}
	}
}
