package dns_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// The target of most tests, its queries, and times that are its defaults.
const (
	target   = "dns+poll:///h:80"
	a        = "A h"
	aaaa     = "AAAA h"
	interval = 30 * time.Second
	rest     = 5 * time.Second
)

func TestPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.2 10.0.0.1 10.0.0.2")
		z.set(aaaa, "2001:db8::1")
		_, cc := z.follow(t, target, 0)
		cc.Want("10.0.0.1:80 10.0.0.2:80 [2001:db8::1]:80")
		z.set(a, "10.0.0.1 ::ffff:10.0.0.2") // the same in another order and spelling
		resolvertest.Advance(interval)
		cc.Want()
		z.set(a, "10.0.0.3 10.0.0.1")
		resolvertest.Advance(interval - 1)
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("10.0.0.1:80 10.0.0.3:80 [2001:db8::1]:80")
		if n, asked := z.lookups(); n != 3 || len(asked) != 6 {
			t.Errorf("got %d lookups and %q, want 3 and 6 queries", n, asked)
		}
	})
}

func TestJitter(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		random        float64
		want          time.Duration
	}{
		{"none", "", 0, interval},
		{"default", "", 0.5, interval * 9 / 10},
		{"given", "?jitter=0.5&interval=40s", 0.5, 30 * time.Second},
		{"off", "?jitter=0", 0.99, interval},
		{"never below the least", "?jitter=1&interval=40s&min_interval=30s", 0.5, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone(a)
				z.set(a, "10.0.0.1")
				z.follow(t, target+tt.options, tt.random)
				resolvertest.Advance(3 * tt.want)
				for _, gap := range z.gaps() {
					if gap != tt.want {
						t.Errorf("got %v between lookups, want %v", gap, tt.want)
					}
				}
				if n, _ := z.lookups(); n != 4 {
					t.Errorf("got %d lookups, want 4", n)
				}
			})
		})
	}
}

// However often gRPC asks, two lookups are never closer than min_interval.
func TestResolveNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		r, cc := z.follow(t, target, 0)
		cc.Want("10.0.0.1:80")
		now := func() { r.ResolveNow(resolver.ResolveNowOptions{}) }

		resolvertest.Advance(time.Second)
		z.set(a, "10.0.0.2")
		now()
		now()
		resolvertest.Advance(rest - time.Second - 1)
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("10.0.0.2:80")
		resolvertest.Advance(rest)
		if n, _ := z.lookups(); n != 2 {
			t.Errorf("two hints: got %d lookups, want 2 with the first", n)
		}

		// Long after the last lookup a hint is followed at once, and the
		// interval begins anew.
		resolvertest.Advance(10 * time.Second)
		now()
		synctest.Wait()
		if n, _ := z.lookups(); n != 1 {
			t.Errorf("a late hint: got %d lookups, want 1", n)
		}
		resolvertest.Advance(interval - 1)
		if n, _ := z.lookups(); n != 0 {
			t.Errorf("after it: got %d lookups, want 0", n)
		}
		resolvertest.Advance(1)

		for range 600 { // a storm of a minute
			now()
			resolvertest.Advance(time.Second / 10)
		}
		for _, gap := range z.gaps() {
			if gap < rest {
				t.Errorf("got %v between lookups, want at least %v", gap, rest)
			}
		}
		if n, _ := z.lookups(); n < 12 || n > 13 {
			t.Errorf("in a minute: got %d lookups, want 12 or 13", n)
		}
	})
}

// Clients that see the same server fail do not all ask at that moment.
func TestResolveNowIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		r, _ := z.follow(t, target+"?jitter=0.5", 0.5)
		resolvertest.Advance(10 * time.Second)
		z.lookups()
		r.ResolveNow(resolver.ResolveNowOptions{})
		resolvertest.Advance(rest/4 - 1)
		if n, _ := z.lookups(); n != 0 {
			t.Errorf("got %d lookups, want 0", n)
		}
		resolvertest.Advance(1)
		if n, _ := z.lookups(); n != 1 {
			t.Errorf("got %d lookups, want 1", n)
		}
	})
}

// At random hints and failures: never closer than min_interval, never further
// apart than the interval and what a lookup may take.
func TestTheTimesOfLookups(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, seed))
		z := newZone(a)
		r, _ := z.follow(t, target+"?interval=10s&min_interval=2s&timeout=3s", 0.7)
		for range 2000 {
			switch random.IntN(6) {
			case 0:
				z.set(a, errTimeout)
			case 1:
				z.set(a, errHang)
			case 2:
				z.set(a, "")
			case 3:
				z.set(a, "10.0.0."+string(rune('0'+random.IntN(10))))
			default:
				r.ResolveNow(resolver.ResolveNowOptions{})
			}
			resolvertest.Advance(time.Duration(random.Int64N(int64(4 * time.Second))))
		}
		for _, gap := range z.gaps() {
			if gap < 2*time.Second || gap > 13*time.Second {
				t.Errorf("got %v between lookups, want 2s to 13s", gap)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, errTimeout)
		_, cc := z.follow(t, target+"?interval=10s&min_interval=1s", 0)
		resolvertest.Advance(26 * time.Second)
		s := time.Second
		if diff := cmp.Diff([]time.Duration{s, 2 * s, 4 * s, 8 * s, 10 * s}, z.gaps()); diff != "" {
			t.Errorf("between lookups, -want +got:\n%s", diff)
		}
		z.set(a, "10.0.0.1")
		cc.Drain()
		resolvertest.Advance(10 * s)
		cc.Want("10.0.0.1:80")
		z.lookups()
		z.set(a, errTimeout)
		resolvertest.Advance(11 * s)
		if n, _ := z.lookups(); n != 2 {
			t.Errorf("after a failure that follows a success: got %d lookups in 11s, want 2", n)
		}
	})
}

func TestARefusedListIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, errTimeout)
		_, cc := z.follow(t, target+"?min_interval=1s", 0)
		cc.Drain()
		cc.Refuse(errors.New("no"))
		z.set(a, "10.0.0.1")
		resolvertest.Advance(time.Second)
		resolvertest.Advance(2 * time.Second)
		cc.Want("10.0.0.1:80", "10.0.0.1:80")
		cc.Refuse(nil)
		resolvertest.Advance(time.Hour)
		cc.Want("10.0.0.1:80")
	})
}

func TestCloseInterruptsALookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, errHang)
		r, cc := z.follow(t, target, 0)
		start := time.Now()
		r.Close()
		if d := time.Since(start); d != 0 {
			t.Errorf("Close took %v", d)
		}
		resolvertest.Advance(time.Hour)
		cc.Want()
		if n, _ := z.lookups(); n != 1 {
			t.Errorf("got %d lookups, want 1", n)
		}
	})
}

// blocking is a channel whose policy takes its time.
type blocking struct {
	resolver.ClientConn // panics on what is not overridden

	entered, release chan struct{}
}

func (c blocking) UpdateState(resolver.State) error {
	close(c.entered)
	<-c.release
	return nil
}

func TestCloseWaitsForTheGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		cc := blocking{entered: make(chan struct{}), release: make(chan struct{})}
		b := dns.NewBuilderOf(func(string) dns.NameService { return z }, func() float64 { return 0 })
		r := resolvertest.Build(t, b, target, cc)
		<-cc.entered
		closed := make(chan struct{})
		go func() {
			r.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while the channel was being told")
		default:
		}
		close(cc.release)
		<-closed
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, errHang)
		_, cc := z.follow(t, target+"?timeout=2s", 0)
		resolvertest.Advance(2*time.Second - 1)
		cc.Want()
		resolvertest.Advance(1)
		cc.Want("! dns: h: A: context deadline exceeded")
	})
}

// An address is published within Build and never looked up.
func TestLiteralAddresses(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"dns+poll:///10.0.0.1:80", "10.0.0.1:80"},
		{"dns+poll:///10.0.0.1", "10.0.0.1:443"},
		{"dns+poll:///[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"dns+poll:///2001:db8::1", "[2001:db8::1]:443"},
		{"dns+poll:///[::ffff:10.0.0.1]:80", "10.0.0.1:80"},
	} {
		t.Run(tt.target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := newZone(a)
				b := dns.NewBuilderOf(func(string) dns.NameService { return z }, nil)
				cc := resolvertest.NewChannel(t)
				r := resolvertest.Build(t, b, tt.target, cc)
				cc.Want(tt.want)
				r.ResolveNow(resolver.ResolveNowOptions{})
				resolvertest.Advance(time.Hour)
				if _, asked := z.lookups(); asked != nil {
					t.Errorf("got the queries %q, want none", asked)
				}
			})
		})
	}
}

func TestTheNameServerOfTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone(a)
		z.set(a, "10.0.0.1")
		z.follow(t, "dns+poll://10.9.9.9/h", 0)
		if z.server != "10.9.9.9:53" {
			t.Errorf("got the name server %q, want 10.9.9.9:53", z.server)
		}
	})
}

func TestTheImportRegistersTheScheme(t *testing.T) {
	b := resolver.Get(dns.Scheme)
	if b == nil || b.Scheme() != "dns+poll" || !strings.HasPrefix(target, dns.Scheme+":") {
		t.Errorf("got %v, want a builder for dns+poll", b)
	}
}
