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

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

// keyed makes calls at a constant rate for d, each with one of 10 keys, and counts for
// each key which endpoints served it.
func keyed(c *channel, perSecond int, d time.Duration) map[string]map[string]int {
	served := make(map[string]map[string]int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	gap := time.Second / time.Duration(perSecond)
	for n := range int(d / gap) {
		<-time.After(gap)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			ctx, state := callstate.New(ctx)
			key := fmt.Sprint(n % 10)
			state.SetAffinity(key)
			if _, err := c.EmptyCall(ctx, &testpb.Empty{}); err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if served[key] == nil {
				served[key] = make(map[string]int)
			}
			served[key][state.Endpoint()]++
		})
	}
	wg.Wait()
	return served
}

// TestEverythingAtOnce has priorities, subset, zones, ejection, draining, a cap and
// affinity on together, and takes away what is preferred step by step. Each step of
// the order must hold within what the ones before it leave.
func TestEverythingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		f := newFleet(t)
		servers, addrs := f.replicas(32, nil)
		defer stopAll(servers)
		about := func(i int) endpoint.Info {
			return endpoint.Info{Priority: i / 16, Zone: string(rune('a' + i/8%2))}
		}
		place := func(addr string) string {
			for i, a := range addrs {
				if a == addr {
					return fmt.Sprintf("%d%s", about(i).Priority, about(i).Zone)
				}
			}
			return "nowhere"
		}
		c := f.configured(balancer.Config{
			Zone: "a", Subset: balancer.Subset{Size: 4, Client: "web-3"}, MaxConcurrentCalls: limit,
		}, described(endpoints(addrs...), about))
		defer c.Close()
		c.Connect()
		<-time.After(time.Second)
		used := make(map[string][]int) // the subset of each place
		for i, a := range addrs {
			if f.dials[a] > 0 {
				used[place(a)] = append(used[place(a)], i)
			}
		}
		for _, p := range []string{"0a", "0b", "1a", "1b"} {
			if len(used[p]) != 4 {
				t.Fatalf("the subset has %d endpoints in %s, want 4", len(used[p]), p)
			}
		}
		at := func(tr *traffic, p string) (share float64) {
			for a := range tr.by {
				if place(a) == p {
					share += tr.share(a)
				}
			}
			return share
		}

		tr := c.drive(100, 3*time.Second)
		if at(tr, "0a") < 0.95 || tr.errors > 0 {
			t.Errorf("%.2f of the calls stayed at home with %d errors, want 0.95 and 0", at(tr, "0a"), tr.errors)
		}

		// One fails, one drains: the others at home take their calls, keyed ones too.
		home := used["0a"]
		failing, draining := addrs[home[0]], addrs[home[1]]
		servers[home[0]].failWith(codes.Unavailable)
		servers[home[1]].reporter.Drain()
		c.drive(100, 3*time.Second)
		for key, by := range keyed(c, 100, 3*time.Second) {
			if by[failing]+by[draining] > 0 {
				t.Errorf("affinity took key %s to what is ejected or drains: %v", key, by)
			}
			if len(by) > 2 {
				t.Errorf("key %s was served by %v, want one, or another while that was full", key, by)
			}
		}

		// The cap holds for keyed calls, which spill over it in their own zone.
		for i := range servers {
			servers[i].delay.Store(int64(time.Second))
		}
		var wg sync.WaitGroup
		for range limit * 3 {
			wg.Go(func() {
				ctx, state := callstate.New(t.Context())
				state.SetAffinity("hot")
				if _, err := c.EmptyCall(ctx, &testpb.Empty{}); err != nil && state.Endpoint() != failing {
					t.Error(err)
				}
			})
		}
		<-time.After(500 * time.Millisecond)
		for i, s := range servers {
			if got := s.inFlight.Load(); got > limit {
				t.Errorf("%s works on %d calls, want %d at most", addrs[i], got, limit)
			}
		}
		wg.Wait()
		for i := range servers {
			servers[i].delay.Store(int64(5 * time.Millisecond))
		}

		for _, step := range []struct {
			down, next string
			least      float64
		}{{"0a", "0b", 0.6} /* half of a tier takes 1.4 times that */, {"0b", "1a", 0.95}, {"1a", "1b", 0.95}} {
			for _, i := range used[step.down] {
				servers[i].stop()
			}
			<-time.After(2 * time.Second)
			tr := c.drive(100, 2*time.Second)
			if at(tr, step.next) < step.least || tr.errors > 0 {
				t.Errorf("without %s, %.2f of the calls went to %s with %d errors, want %.2f and 0: %v", step.down, at(tr, step.next), step.next, tr.errors, step.least, tr.by)
			}
		}
	})
}
