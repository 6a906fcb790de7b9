package balancer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

// described sets what is known of each endpoint.
func described(s resolver.State, about func(i int) endpoint.Info) resolver.State {
	for i := range s.Endpoints {
		s.Endpoints[i] = endpoint.Set(s.Endpoints[i], about(i))
	}
	return s
}

func TestPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, nil)
		c := f.freshet(described(endpoints(addrs...), func(i int) endpoint.Info { return endpoint.Info{Priority: i / 3} }))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		backup := func(tr *traffic) float64 { return tr.share(addrs[3]) + tr.share(addrs[4]) + tr.share(addrs[5]) }
		if tr := c.drive(100, 2*time.Second); backup(tr) != 0 || tr.errors > 0 {
			t.Errorf("%.2f of the calls went to the second tier with %d errors, want none of either", backup(tr), tr.errors)
		}
		servers[0].stop()
		servers[1].stop()
		<-time.After(time.Second)
		// A third is left, which takes 1.4 times that.
		if tr := c.drive(200, 5*time.Second); backup(tr) < 0.45 || backup(tr) > 0.62 || tr.errors > 0 {
			t.Errorf("with two of three down, %.2f went to the second tier with %d errors, want 0.45 to 0.62 and 0", backup(tr), tr.errors)
		}
		servers[2].stop()
		if tr := c.drive(100, 2*time.Second); backup(tr) < 0.98 || tr.errors > 2 {
			t.Errorf("with all of them down, %.2f went to the second tier with %d errors, want all, and those in flight", backup(tr), tr.errors)
		}
		for _, s := range servers[:3] {
			s.run()
		}
		<-time.After(30 * time.Second) // backoff
		c.drive(100, 15*time.Second)   // slow start
		if tr := c.drive(100, 2*time.Second); backup(tr) != 0 || tr.errors > 0 {
			t.Errorf("back again, %.2f went to the second tier with %d errors, want 0 and 0", backup(tr), tr.errors)
		}
		stopAll(servers)
	})
}

func TestZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(6, func(b *backend) { b.delay.Store(int64(50 * time.Millisecond)) })
		defer stopAll(servers)
		zoned := described(endpoints(addrs...), func(i int) endpoint.Info { return endpoint.Info{Zone: string(rune('a' + i/3))} })
		c := f.configured(balancer.Config{Zone: "a"}, zoned)
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		away := func(tr *traffic) float64 { return tr.share(addrs[3]) + tr.share(addrs[4]) + tr.share(addrs[5]) }
		if tr := c.drive(60, 10*time.Second); away(tr) > 0.05 || tr.errors > 0 {
			t.Errorf("%.3f of the calls left the zone with %d errors, want at most 0.05 and 0", away(tr), tr.errors)
		}
		// Others keep the own zone busy.
		var others sync.WaitGroup
		for _, a := range addrs[:3] {
			others.Go(func() {
				other := f.freshet(endpoints(a))
				defer other.Close()
				other.drive(150, 20*time.Second)
			})
		}
		defer others.Wait()
		c.drive(60, 15*time.Second)
		if tr := c.drive(60, 5*time.Second); away(tr) < 0.3 || tr.errors > 0 {
			t.Errorf("with a busy zone %.3f of the calls left it with %d errors, want 0.3 or more and 0", away(tr), tr.errors)
		}
		c.drive(60, 30*time.Second)
		if tr := c.drive(60, 10*time.Second); away(tr) > 0.05 || tr.errors > 0 {
			t.Errorf("calm again, %.3f of the calls left the zone with %d errors, want at most 0.05 and 0", away(tr), tr.errors)
		}
	})
}

func TestZoneOfTheEnvironment(t *testing.T) {
	t.Setenv("FRESHET_ZONE", "b")
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, nil)
		defer stopAll(servers)
		c := f.freshet(described(endpoints(addrs...), func(i int) endpoint.Info { return endpoint.Info{Zone: string(rune('a' + i))} }))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		if tr := c.drive(100, 5*time.Second); tr.share(addrs[1]) < 0.9 {
			t.Errorf("%.2f of the calls stayed in the zone, want 0.9 or more", tr.share(addrs[1]))
		}
	})
}

func TestSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(20, nil)
		defer stopAll(servers)
		used := func(state resolver.State) map[string]int {
			c := f.configured(balancer.Config{Subset: balancer.Subset{Size: 5, Client: "web-3"}}, state)
			defer c.Close()
			c.Connect()
			<-time.After(time.Second)
			return c.drive(200, 2*time.Second).by
		}
		first := used(endpoints(addrs...))
		if len(first) != 5 {
			t.Errorf("%d endpoints were used, want 5: %v", len(first), first)
		}
		again, moved := used(endpoints(append(addrs[7:], addrs[:7]...)...)), 0
		for a := range again {
			if first[a] == 0 {
				moved++
			}
		}
		if moved > 0 {
			t.Errorf("after a restart, with another order, %d endpoints are others, want 0", moved)
		}
	})
}

func TestCapMakesCallsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(2, func(b *backend) { b.delay.Store(int64(100 * time.Millisecond)) })
		defer stopAll(servers)
		c := f.configured(balancer.Config{MaxConcurrentCalls: 3}, endpoints(addrs...))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		var wg sync.WaitGroup
		start := time.Now()
		for range 24 {
			wg.Go(func() {
				if _, err := c.call(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		for range 7 {
			<-time.After(50 * time.Millisecond)
			for i, s := range servers {
				if got := s.inFlight.Load(); got > 3 {
					t.Errorf("server %d works on %d calls, want at most 3", i, got)
				}
			}
		}
		wg.Wait()
		if got := time.Since(start); got < 400*time.Millisecond || got > 450*time.Millisecond {
			t.Errorf("24 calls of 100 ms, 6 at a time, took %v, want 400 ms", got)
		}
		// A call that finds no room waits no longer than its own deadline.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 6 {
			if _, err := c.FullDuplexCall(ctx); err != nil {
				t.Fatal(err)
			}
		}
		short, cancelShort := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancelShort()
		if state, err := c.call(short); status.Code(err) != codes.DeadlineExceeded || state.Attempts() != 0 {
			t.Errorf("a call beyond the cap ended with %v after %d attempts, want DEADLINE_EXCEEDED and 0", err, state.Attempts())
		}
	})
}

func TestAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		servers, addrs := f.replicas(8, nil)
		defer func() { stopAll(servers) }()
		c := f.freshet(endpoints(addrs...))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		served := func(key string) string {
			ctx, state := callstate.New(t.Context())
			state.SetAffinity(key)
			if _, err := c.EmptyCall(ctx, &testpb.Empty{}); err != nil {
				t.Fatal(err)
			}
			if state.Rule() != callstate.RuleAffinity {
				t.Errorf("key %q: picked by rule %q", key, state.Rule())
			}
			return state.Endpoint()
		}
		home, used := make(map[string]string), make(map[string]bool)
		for i := range 64 {
			key := fmt.Sprint("key ", i)
			home[key] = served(key)
			used[home[key]] = true
		}
		if len(used) < 7 {
			t.Errorf("64 keys are at %d endpoints, want nearly all of 8", len(used))
		}
		for key, want := range home {
			if got := served(key); got != want {
				t.Errorf("%q went to %s and then to %s", key, want, got)
			}
		}
		servers[0].stop()
		<-time.After(time.Second)
		for key, was := range home {
			if got := served(key); got != was && was != addrs[0] {
				t.Errorf("%q moved from %s to %s, though only %s is gone", key, was, got, addrs[0])
			}
		}
		servers[0].run()
		// Many calls with one key at a time overflow to others.
		var wg sync.WaitGroup
		var mu sync.Mutex
		spread := make(map[string]int)
		for range 64 {
			wg.Go(func() {
				a := served("hot")
				mu.Lock()
				defer mu.Unlock()
				spread[a]++
			})
		}
		wg.Wait()
		for a, n := range spread {
			if n > 13 {
				t.Errorf("%s has %d of 64 calls at a time, want at most about 1.25 times the fair part", a, n)
			}
		}
	})
}
