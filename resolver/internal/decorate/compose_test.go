package decorate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/fallback"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
	"github.com/freshet-io/freshet/resolver/keep"
	"github.com/freshet-io/freshet/resolver/merge"
	"github.com/freshet-io/freshet/resolver/subset"
)

// compose stacks all decorators on three resolvers.
func compose(t *testing.T, tiers bool) ([]*manual.Resolver, resolver.Builder) {
	t.Helper()
	var inner []*manual.Resolver
	for i := range 3 {
		inner = append(inner, manual.NewBuilderWithScheme(fmt.Sprintf("m%d", i)))
	}
	merged, err := merge.New("merged", []merge.Source{{Builder: inner[0], Target: "m0:///x"}, {Builder: inner[1], Target: "m1:///x"}})
	if err != nil {
		t.Fatal(err)
	}
	few, err := subset.Wrap(merged, 3, subset.WithClient("c"))
	if err != nil {
		t.Fatal(err)
	}
	opts := []fallback.Option{fallback.WithDelay(5 * time.Second)}
	if tiers {
		opts = append(opts, fallback.WithTiers())
	}
	both, err := fallback.New("both", fallback.Source{Builder: few}, fallback.Source{Builder: inner[2], Target: "m2:///x"}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := keep.Wrap(both, keep.WithScheme("all"))
	if err != nil {
		t.Fatal(err)
	}
	return inner, kept
}

// Whatever the resolvers say and when, stacked decorators tell the channel sorted
// lists of distinct endpoints, none twice in a row, and after the first list
// neither an empty one nor an error.
func TestDecoratorsCompose(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			inner, b := compose(t, seed%2 == 1)
			cc := resolvertest.NewChannel(t)
			r := resolvertest.Build(t, b, "all:///x", cc)
			random := rand.New(rand.NewPCG(seed, 0))
			words := []string{"a:1", "b:1", "c:1", "d:1@z", "a:1|b:1", "e:1~", "f:1/1", "c:1*9"}
			for range 200 {
				m := inner[random.IntN(len(inner))]
				switch random.IntN(8) {
				case 0:
					m.CC().ReportError(errors.New("down"))
				case 1:
					_ = m.CC().UpdateState(resolvertest.State(""))
				case 2, 3:
					resolvertest.Advance(time.Duration(random.Int64N(int64(7 * time.Second))))
				case 4:
					r.ResolveNow(resolver.ResolveNowOptions{})
				default:
					random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
					_ = m.CC().UpdateState(resolvertest.State(strings.Join(words[:random.IntN(len(words))], " ")))
				}
			}
			r.Close()
			check(t, seed, cc)
			_ = inner[0].CC().UpdateState(resolvertest.State("late:1"))
			resolvertest.Advance(time.Hour)
			cc.Want()
		})
	}
}

func check(t *testing.T, seed uint64, cc *resolvertest.Channel) {
	t.Helper()
	said, states := cc.Drain()
	begun, last := false, "nothing"
	for _, s := range said {
		if begun && (s == "" || strings.HasPrefix(s, "!")) {
			t.Errorf("seed %d: after a list, the channel was told %q", seed, s)
		}
		if begun && s == last {
			t.Errorf("seed %d: the channel was told %q twice", seed, s)
		}
		begun, last = begun || s != "" && !strings.HasPrefix(s, "!"), s
	}
	if !begun {
		t.Errorf("seed %d: there was no list", seed)
	}
	for _, state := range states {
		var keys []string
		for _, e := range state.Endpoints {
			addresses := make([]string, len(e.Addresses))
			for i, a := range e.Addresses {
				addresses[i] = a.Addr
			}
			keys = append(keys, strings.Join(addresses, "\x00"))
		}
		if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
			t.Errorf("seed %d: not a sorted set: %q", seed, keys)
		}
	}
}
