package fallback_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/fallback"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

var errDown = errors.New("down")

// delay is the default.
const delay = 10 * time.Second

// start builds a resolver of two that the test speaks through.
func start(t *testing.T, opts ...fallback.Option) (p, q *manual.Resolver, cc *resolvertest.Channel, r resolver.Resolver) {
	t.Helper()
	logged.Drain("")
	p, q = manual.NewBuilderWithScheme("p"), manual.NewBuilderWithScheme("q")
	b, err := fallback.New("both", fallback.Source{Builder: p, Target: "p:///t?secret=1"}, fallback.Source{Builder: q, Target: "q:///t"}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	cc = resolvertest.NewChannel(t)
	return p, q, cc, resolvertest.Build(t, b, "both:///x", cc)
}

func update(t *testing.T, inner *manual.Resolver, s string, want error) {
	t.Helper()
	if err := inner.CC().UpdateState(resolvertest.State(s)); !errors.Is(err, want) {
		t.Errorf("UpdateState(%q): got %v, want %v", s, err, want)
	}
}

func TestThePrimaryIsUsedWhileItIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, cc, _ := start(t)
		update(t, q, "b:1", nil)
		update(t, p, "a:2 a:1", nil)
		update(t, q, "b:2", nil)
		q.CC().ReportError(errDown)
		update(t, q, "", balancer.ErrBadResolverState)
		resolvertest.Advance(time.Hour)
		update(t, p, "a:1 a:2", nil)
		cc.Want("a:1 a:2")
	})
}

func TestAPrimaryThatFailsForTheDelay(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(t *testing.T, p *manual.Resolver)
	}{
		{"error", func(_ *testing.T, p *manual.Resolver) { p.CC().ReportError(errDown) }},
		{"empty list", func(t *testing.T, p *manual.Resolver) { update(t, p, "", balancer.ErrBadResolverState) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q, cc, _ := start(t)
				update(t, p, "a:1", nil)
				update(t, q, "b:1", nil)
				cc.Want("a:1")
				// A list in between begins the time anew, other failures do not.
				for range 3 {
					tt.fail(t, p)
					resolvertest.Advance(delay / 2)
					tt.fail(t, p)
					resolvertest.Advance(delay/2 - 1)
					update(t, p, "a:1", nil)
				}
				cc.Want()
				tt.fail(t, p)
				resolvertest.Advance(delay - 1)
				tt.fail(t, p)
				cc.Want()
				resolvertest.Advance(1)
				cc.Want("b:1")
				tt.fail(t, p)
				update(t, q, "b:1 b:2", nil)
				update(t, q, "", balancer.ErrBadResolverState) // is not given up for nothing
				q.CC().ReportError(errDown)
				resolvertest.Advance(time.Hour)
				cc.Want("b:1 b:2")
				update(t, p, "a:1", nil)
				cc.Want("a:1")
			})
		})
	}
}

func TestWithoutASecondaryNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, cc, _ := start(t)
		update(t, p, "a:1", nil)
		update(t, p, "", balancer.ErrBadResolverState)
		q.CC().ReportError(errDown)
		resolvertest.Advance(time.Hour)
		cc.Want("a:1")
		update(t, q, "b:1", nil)
		cc.Want("b:1")
	})
}

func TestTheStart(t *testing.T) {
	t.Run("a primary that fails is not waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, q, cc, _ := start(t)
			p.CC().ReportError(errDown)
			cc.Want()
			update(t, q, "b:1", nil)
			cc.Want("b:1")
		})
	})
	t.Run("a silent one is, for the delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, q, cc, _ := start(t)
			update(t, q, "b:1", nil)
			resolvertest.Advance(delay - 1)
			cc.Want()
			resolvertest.Advance(1)
			cc.Want("b:1")
		})
	})
	t.Run("both fail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, q, cc, _ := start(t)
			p.CC().ReportError(errDown)
			cc.Want()
			update(t, q, "", balancer.ErrBadResolverState)
			cc.Want(`! fallback: primary "p:///t": down; secondary "q:///t": the list is empty`)
			update(t, p, "a:1", nil)
			cc.Want("a:1")
		})
	})
	t.Run("one fails and the other is silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, q, cc, _ := start(t)
			q.CC().ReportError(errDown)
			resolvertest.Advance(delay)
			cc.Want(`! fallback: secondary "q:///t": down`)
		})
	})
	t.Run("no delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, q, cc, _ := start(t, fallback.WithDelay(0))
			update(t, q, "b:1", nil)
			update(t, p, "a:1", nil)
			p.CC().ReportError(errDown)
			cc.Want("b:1", "a:1", "b:1")
		})
	})
}

func TestTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, cc, _ := start(t, fallback.WithTiers())
		update(t, q, "b:1/1 a:2 b:2@eu*3", nil)
		cc.Want()
		update(t, p, "a:1 a:2/3", nil)
		cc.Want("a:1 a:2/3 b:1/5 b:2@eu/4*3")
		// The policy sees for itself whether servers answer.
		p.CC().ReportError(errDown)
		q.CC().ReportError(errDown)
		resolvertest.Advance(time.Hour)
		cc.Want()
		update(t, p, "a:1", nil)
		cc.Want("a:1 a:2/1 b:1/2 b:2@eu/1*3")
		// An empty primary goes after the delay, and an error after that does
		// not bring it back.
		update(t, p, "", balancer.ErrBadResolverState)
		resolvertest.Advance(delay - 1)
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("a:2 b:1/1 b:2@eu*3")
		p.CC().ReportError(errDown)
		cc.Want()
		update(t, p, "a:1", nil)
		cc.Want("a:1 a:2/1 b:1/2 b:2@eu/1*3")
		p.CC().ReportError(errDown) // and nothing empty since
		resolvertest.Advance(time.Hour)
		cc.Want()
		update(t, q, "b:3", nil)
		cc.Want("a:1 b:3/1")
	})
}

func TestTiersNeedNoSecondary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, cc, _ := start(t, fallback.WithTiers())
		update(t, p, "a:1", nil)
		update(t, p, "", balancer.ErrBadResolverState)
		resolvertest.Advance(time.Hour)
		cc.Want("a:1")
	})
}

func TestWhatTheChannelSaysIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, cc, _ := start(t)
		cc.Refuse(errDown)
		update(t, q, "b:1", nil) // which the channel has not seen
		update(t, p, "a:1", errDown)
		update(t, q, "b:2", nil)
		cc.Refuse(nil)
		update(t, p, "a:1", nil)
		cc.Want("a:1", "a:1", "a:1")
	})
}

func TestServiceConfigComesWithTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name string
			opts []fallback.Option
			want []string // the configs of the states
		}{
			{"one or the other", nil, []string{"p", "q"}},
			{"tiers", []fallback.Option{fallback.WithTiers()}, []string{"p", "p"}},
		} {
			p, q, cc, _ := start(t, tt.opts...)
			sp, sq := resolvertest.State("a:1"), resolvertest.State("b:1")
			sp.ServiceConfig, sq.ServiceConfig = p.CC().ParseServiceConfig("p"), q.CC().ParseServiceConfig("q")
			if err := errors.Join(p.CC().UpdateState(sp), q.CC().UpdateState(sq)); err != nil {
				t.Fatal(err)
			}
			p.CC().ReportError(errDown)
			resolvertest.Advance(delay)
			var got []string
			_, states := cc.Drain()
			for _, s := range states {
				got = append(got, s.ServiceConfig.Err.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: service configs, -want +got:\n%s", tt.name, diff)
			}
		}
	})
}

func TestCloseAndResolveNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, cc, r := start(t)
		var heard []string
		for _, m := range []*manual.Resolver{p, q} {
			m.ResolveNowCallback = func(resolver.ResolveNowOptions) { heard = append(heard, "now "+m.Scheme()) }
			m.CloseCallback = func() { heard = append(heard, "close "+m.Scheme()) }
		}
		update(t, p, "a:1", nil)
		update(t, q, "b:1", nil)
		p.CC().ReportError(errDown)
		r.ResolveNow(resolver.ResolveNowOptions{})
		r.Close()
		if got := strings.Join(heard, ", "); got != "now p, now q, close p, close q" {
			t.Errorf("got %s", got)
		}
		resolvertest.Advance(time.Hour)
		update(t, p, "a:2", nil)
		q.CC().ReportError(errDown)
		cc.Want("a:1")
	})
}

func TestWhatIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q, _, _ := start(t)
		update(t, p, "a:1", nil)
		update(t, q, "b:1", nil)
		p.CC().ReportError(errDown)
		p.CC().ReportError(errDown)
		resolvertest.Advance(delay)
		update(t, p, "a:1 a:2", nil)
		want := []string{
			`fallback: both: primary "p:///t": down`,
			`fallback: both: using the secondary "q:///t" instead of "p:///t"`,
			`fallback: both: primary "p:///t": is good again: 2 endpoints`,
			`fallback: both: using the primary "p:///t" again`,
		}
		if diff := cmp.Diff(want, logged.Drain("freshet/fallback")); diff != "" {
			t.Errorf("logged, -want +got:\n%s", diff)
		}
	})
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	_, err := fallback.New("", fallback.Source{}, fallback.Source{Target: "nope:///x"}, fallback.WithDelay(25*time.Hour))
	want := `fallback: scheme must not be empty
fallback: primary: must have a target or a builder
fallback: secondary: target "nope:///x": no builder is registered for the scheme "nope"
fallback: delay must be between 0s and 24h0m0s, got 25h0m0s`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
