package decorate_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/resolver/fallback"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/keep"
	"github.com/freshet-io/freshet/resolver/merge"
	"github.com/freshet-io/freshet/resolver/subset"
)

// The resolver that is decorated fails, and where the decorator promises that says
// that its list is empty. The policy freshet has servers throughout.
func TestAnOutageOfTheInnerResolverCostsNoCall(t *testing.T) {
	wrap := func(b resolver.Builder, err error) resolver.Builder {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		name    string
		empties bool // an empty list costs nothing either
		make    func(inner, other resolver.Builder) resolver.Builder
	}{
		{name: "keep", empties: true, make: func(inner, _ resolver.Builder) resolver.Builder { return wrap(keep.Wrap(inner)) }},
		{name: "subset", make: func(inner, _ resolver.Builder) resolver.Builder { return wrap(subset.Wrap(inner, 1)) }},
		{name: "keep around subset", empties: true, make: func(inner, _ resolver.Builder) resolver.Builder {
			return wrap(keep.Wrap(wrap(subset.Wrap(inner, 1))))
		}},
		{name: "merge", empties: true, make: func(inner, other resolver.Builder) resolver.Builder {
			return wrap(merge.New("both", []merge.Source{{Builder: inner}, {Target: "other:///", Builder: other}}))
		}},
		{name: "fallback", empties: true, make: func(inner, other resolver.Builder) resolver.Builder {
			return wrap(fallback.New("both", fallback.Source{Builder: inner}, fallback.Source{Target: "other:///", Builder: other}))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := resolvertest.NewFleet(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
				inner, other := manual.NewBuilderWithScheme("inner"), manual.NewBuilderWithScheme("other")
				inner.InitialState(resolvertest.State("10.0.0.1:80 10.0.0.2:80"))
				other.InitialState(resolvertest.State("10.0.0.3:80"))
				b := tt.make(inner, other)
				cc := f.Connect(t, b.Scheme()+":///search", append(balancer.DialOptions(balancer.Config{}), grpc.WithResolvers(b))...)
				synctest.Wait()
				resolvertest.Count(t, cc, 10)
				for range 3 {
					inner.CC().ReportError(errors.New("the name service is down"))
					if tt.empties {
						inner.UpdateState(resolver.State{Endpoints: []resolver.Endpoint{}})
					}
					resolvertest.Advance(time.Minute)
					resolvertest.Count(t, cc, 10)
				}
			})
		})
	}
}

// A resolver may speak from many goroutines at once, and while it is closed.
func TestManySpeakAtOnce(t *testing.T) {
	inner, other := manual.NewBuilderWithScheme("inner"), manual.NewBuilderWithScheme("other")
	sub, err := subset.Wrap(inner, 1)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := keep.Wrap(sub, keep.WithBound(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	both, err := fallback.New("both", fallback.Source{Builder: kept}, fallback.Source{Target: "other:///", Builder: other})
	if err != nil {
		t.Fatal(err)
	}
	all, err := merge.New("all", []merge.Source{{Target: "both:///a", Builder: both}})
	if err != nil {
		t.Fatal(err)
	}
	cc := resolvertest.NewChannel(t)
	r := resolvertest.Build(t, all, "all:///a", cc)
	var speaking sync.WaitGroup
	states := []resolver.State{resolvertest.State("a:1"), resolvertest.State("b:1 c:1"), {}}
	for i := range 8 {
		speaking.Go(func() {
			for n := range 200 {
				_ = inner.CC().UpdateState(states[(i+n)%len(states)])
				other.CC().ReportError(errors.New("no"))
				inner.CC().ReportError(errors.New("no"))
				_ = other.CC().UpdateState(states[n%len(states)])
				r.ResolveNow(resolver.ResolveNowOptions{})
			}
		})
	}
	r.Close()
	cc.Drain()
	speaking.Wait()
	cc.Want() // nothing after Close
}
