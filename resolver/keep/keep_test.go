package keep_test

import (
	"errors"
	"fmt"
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
	"github.com/freshet-io/freshet/resolver/keep"
)

var errDown = errors.New("down")

// start builds a resolver around one that the test speaks through.
func start(t *testing.T, opts ...keep.Option) (inner *manual.Resolver, cc *resolvertest.Channel, r resolver.Resolver) {
	t.Helper()
	logged.Drain("")
	inner = manual.NewBuilderWithScheme("inner")
	b, err := keep.Wrap(inner, opts...)
	if err != nil {
		t.Fatal(err)
	}
	cc = resolvertest.NewChannel(t)
	return inner, cc, resolvertest.Build(t, b, "inner:///x", cc)
}

func update(t *testing.T, inner *manual.Resolver, s string, want error) {
	t.Helper()
	if err := inner.CC().UpdateState(resolvertest.State(s)); !errors.Is(err, want) {
		t.Errorf("UpdateState(%q): got %v, want %v", s, err, want)
	}
}

func TestBeforeTheFirstListEverythingPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t)
		inner.CC().ReportError(errDown)
		update(t, inner, "", balancer.ErrBadResolverState)
		inner.CC().ReportError(errDown)
		cc.Want("! down", "", "! down")
	})
}

func TestAListIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t)
		update(t, inner, "b:1 a:1 b:1", nil)
		cc.Want("a:1 b:1")
		for range 3 {
			inner.CC().ReportError(errDown)
			update(t, inner, "", balancer.ErrBadResolverState)
			resolvertest.Advance(time.Hour)
		}
		update(t, inner, "a:1 b:1", nil)
		cc.Want()
		update(t, inner, "a:1 b:1@eu", nil)
		cc.Want("a:1 b:1@eu")
	})
}

// A state that the policy refuses may be offered again, and what the policy says
// reaches whoever offers it.
func TestWhatTheChannelSaysIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t)
		cc.Refuse(errDown)
		update(t, inner, "a:1", errDown)
		update(t, inner, "a:1", errDown)
		cc.Refuse(nil)
		update(t, inner, "a:1", nil)
		update(t, inner, "a:1", nil)
		cc.Want("a:1", "a:1", "a:1")
	})
}

func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t, keep.WithBound(time.Minute))
		update(t, inner, "a:1", nil)
		cc.Want("a:1")
		// A list in between begins the time anew.
		for range 3 {
			inner.CC().ReportError(errDown)
			resolvertest.Advance(time.Minute - 1)
			update(t, inner, "a:1", nil)
		}
		cc.Want()
		// Further faults do not.
		inner.CC().ReportError(errDown)
		resolvertest.Advance(time.Minute - 1)
		inner.CC().ReportError(errors.New("still down"))
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("! still down")
		inner.CC().ReportError(errDown)
		update(t, inner, "", balancer.ErrBadResolverState)
		cc.Want("! down", "")
		// The same list as before ends it.
		update(t, inner, "a:1", nil)
		update(t, inner, "", balancer.ErrBadResolverState)
		cc.Want("a:1")
		resolvertest.Advance(time.Minute)
		cc.Want("")
	})
}

// The xds resolver gives attributes, by which its policy finds the endpoints.
func TestStatesWithoutAListOfTheirOwnPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t)
		xds := resolver.State{Attributes: attributes.New("xds", "config")}
		for range 2 {
			if err := inner.CC().UpdateState(xds); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		}
		update(t, inner, "", balancer.ErrBadResolverState)
		inner.CC().ReportError(errDown)
		cc.Want("", "", "! down")
	})
}

func TestServiceConfigsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, _ := start(t)
		for _, json := range []string{"{}", "{}", `{"a":1}`} {
			s := resolvertest.State("a:1")
			s.ServiceConfig = inner.CC().ParseServiceConfig(json)
			if err := inner.CC().UpdateState(s); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		}
		_, states := cc.Drain()
		if len(states) != 2 || states[0].ServiceConfig.Err.Error() != "{}" || states[1].ServiceConfig.Err.Error() != `{"a":1}` {
			t.Errorf("got %d states, %v, want one for each config", len(states), states)
		}
	})
}

func TestAfterCloseNothingIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, cc, r := start(t, keep.WithBound(time.Minute))
		update(t, inner, "a:1", nil)
		inner.CC().ReportError(errDown)
		cc.Want("a:1")
		r.Close()
		update(t, inner, "b:1", nil)
		inner.CC().ReportError(errDown)
		resolvertest.Advance(time.Hour)
		cc.Want()
	})
}

func TestWhatIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, _, _ := start(t, keep.WithBound(10*time.Minute))
		update(t, inner, "a:1", nil)
		for i := range 6 {
			inner.CC().ReportError(fmt.Errorf("down from port %d", i))
			resolvertest.Advance(20 * time.Second)
		}
		update(t, inner, "a:1 b:1", nil)
		update(t, inner, "", balancer.ErrBadResolverState)
		resolvertest.Advance(10 * time.Minute)
		want := []string{
			"keep: inner: down from port 0; keeping the last good list of 1 endpoints",
			"keep: inner: down from port 3; keeping the last good list of 1 endpoints",
			"keep: inner: is good again: 2 endpoints",
			"keep: inner: the list is empty; keeping the last good list of 2 endpoints",
			"keep: inner: the list is empty; giving up the last good list of 2 endpoints after 10m0s",
		}
		if diff := cmp.Diff(want, logged.Drain("freshet/keep")); diff != "" {
			t.Errorf("logged, -want +got:\n%s", diff)
		}
	})
}

func TestWrapNamesWhatIsWrong(t *testing.T) {
	m := manual.NewBuilderWithScheme("m")
	for _, tt := range []struct {
		name    string
		builder resolver.Builder
		opts    []keep.Option
		want    string
	}{
		{"no builder", resolver.Get("no such scheme"), nil, "keep: builder must not be nil"},
		{"scheme", m, []keep.Option{keep.WithScheme("A")}, `keep: scheme must be of a-z, 0-9, '+', '-' and '.', and begin with a letter, got "A"`},
		{"bound", m, []keep.Option{keep.WithBound(0)}, "keep: bound must be positive, got 0s"},
		{"everything", nil, []keep.Option{keep.WithBound(-1)}, "keep: bound must be positive, got -1ns\nkeep: builder must not be nil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := keep.Wrap(tt.builder, tt.opts...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
