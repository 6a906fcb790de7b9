package conns_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc/resolver"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

// TestKey has equal keys for equal sets of addresses, and for no others.
func TestKey(t *testing.T) {
	type host struct{ addr, name string }
	set := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) host {
		text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', '1', ':', '\x00'}), 0, 3, -1)
		return host{text.Draw(t, "addr"), text.Draw(t, "name")}
	}), 1, 3)
	key := func(hosts []host) string {
		var addrs []resolver.Address
		for _, h := range hosts {
			addrs = append(addrs, resolver.Address{Addr: h.addr, ServerName: h.name})
		}
		return conns.KeyOf(addrs)
	}
	within := func(a, b []host) bool {
		return !slices.ContainsFunc(a, func(h host) bool { return !slices.Contains(b, h) })
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := set.Draw(t, "a"), set.Draw(t, "b")
		same := within(a, b) && within(b, a)
		if got := key(a) == key(b); got != same {
			t.Errorf("keys %q and %q: equal is %v, want %v", key(a), key(b), got, same)
		}
		if shuffled := rapid.Permutation(append(a, a...)).Draw(t, "shuffled"); key(shuffled) != key(a) {
			t.Errorf("keys %q and %q of one set in two orders", key(shuffled), key(a))
		}
	})
}

func TestKeyOfOneAddress(t *testing.T) {
	if got := conns.KeyOf([]resolver.Address{{Addr: "10.0.0.1:443"}}); got != "10.0.0.1:443" {
		t.Errorf("key is %q, want the address", got)
	}
}
