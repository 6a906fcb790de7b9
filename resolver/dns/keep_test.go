package dns_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// Whatever goes wrong after a good list, the channel hears nothing of it.
func TestTheLastGoodListStays(t *testing.T) {
	for _, tt := range []struct {
		name    string
		a, aaaa any // nil: does not exist
	}{
		{"the name is gone", nil, nil},
		{"no addresses", "", ""},
		{"timeouts", errTimeout, errTimeout},
		{"one is gone, the other times out", nil, errTimeout},
		{"no answers", errHang, errHang},
		{"server failure", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, errTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone(a)
				z.set(a, "10.0.0.1")
				_, cc := z.follow(t, target, 0)
				cc.Want("10.0.0.1:80")
				for query, answer := range map[string]any{a: tt.a, aaaa: tt.aaaa} {
					if z.remove(query); answer != nil {
						z.set(query, answer)
					}
				}
				resolvertest.Advance(time.Hour)
				cc.Want()
				z.set(a, "10.0.0.1")
				z.set(aaaa, "")
				resolvertest.Advance(time.Minute)
				cc.Want()
				if lines := logged.Drain("freshet/dns"); len(lines) == 0 {
					t.Error("nothing was logged")
				}
			})
		})
	}
}

// With empty=drop an empty answer is believed, and nothing else is.
func TestEmptyAnswersThatAreBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		_, cc := z.follow(t, target+"?empty=drop&min_interval=1s", 0)
		z.set(a, errTimeout)
		resolvertest.Advance(time.Hour)
		cc.Want("10.0.0.1:80")
		z.set(a, "")
		resolvertest.Advance(interval)
		said, _ := cc.Drain()
		if len(said) == 0 || said[0] != "" {
			t.Errorf("got %q, want the empty list", said)
		}
		z.set(a, "10.0.0.1")
		resolvertest.Advance(interval)
		if said, _ := cc.Drain(); len(said) == 0 || said[len(said)-1] != "10.0.0.1:80" {
			t.Errorf("got %q, want 10.0.0.1:80", said)
		}
	})
}

func TestBeforeTheFirstGoodListErrorsAreReported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer any
		want   string
	}{
		{"does not exist", nil, "! dns: h: no addresses"},
		{"times out", errTimeout, "! dns: h: A: lookup : i/o timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone(a)
				if tt.answer != nil {
					z.set(a, tt.answer)
				}
				_, cc := z.follow(t, target, 0)
				cc.Want(tt.want)
				z.set(a, "10.0.0.1")
				resolvertest.Advance(rest)
				cc.Want("10.0.0.1:80")
			})
		})
	}
}

// A query that fails keeps its own last answer while others bring news.
func TestEachQueryStandsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		z.set(aaaa, "2001:db8::1")
		_, cc := z.follow(t, target, 0)
		z.set(a, "10.0.0.2")
		z.set(aaaa, errTimeout)
		resolvertest.Advance(interval)
		cc.Want("10.0.0.1:80 [2001:db8::1]:80", "10.0.0.2:80 [2001:db8::1]:80")
		z.lookups()
		resolvertest.Advance(rest)
		if n, _ := z.lookups(); n != 1 {
			t.Errorf("after a failure: got %d lookups in %v, want 1", n, rest)
		}
		resolvertest.Advance(time.Hour) // for as long as it lasts
		cc.Want()
		z.remove(aaaa) // an answer, and an end to it
		resolvertest.Advance(interval)
		cc.Want("10.0.0.2:80")
		z.set(aaaa, errTimeout)
		resolvertest.Advance(interval)
		cc.Want()
	})
}

// At the start half an answer is better than none.
func TestHalfAnAnswerAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		z.set(aaaa, errTimeout)
		_, cc := z.follow(t, target, 0)
		cc.Want("10.0.0.1:80")
		z.set(aaaa, "2001:db8::1")
		resolvertest.Advance(rest)
		cc.Want("10.0.0.1:80 [2001:db8::1]:80")
	})
}

func TestWhatIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		_, _ = z.follow(t, target, 0)
		z.set(a, "10.0.0.1")
		resolvertest.Advance(rest)
		z.set(a, errTimeout)
		resolvertest.Advance(time.Hour)
		z.set(a, "")
		resolvertest.Advance(interval)
		z.set(a, "10.0.0.1 10.0.0.2")
		resolvertest.Advance(interval)
		want := []string{
			"dns: h: no addresses; there is no list yet, calls fail",
			`dns: "h": is good again: 1 endpoints`,
			"dns: h: A: lookup : i/o timeout; the list has 1 endpoints",
			"dns: h: no addresses; the list has 1 endpoints",
			`dns: "h": is good again: 2 endpoints`,
		}
		if diff := cmp.Diff(want, logged.Drain("freshet/dns")); diff != "" {
			t.Errorf("logged, -want +got:\n%s", diff)
		}
	})
}
