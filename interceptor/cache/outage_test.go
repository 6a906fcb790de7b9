package cache_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// mortal is a server that can be killed and started again under a client.
type mortal struct {
	shop *shop
	lis  atomic.Pointer[bufconn.Listener]
	stop func()
}

func (m *mortal) start() {
	lis, server := bufconn.Listen(1<<20), grpc.NewServer()
	testv1.RegisterShopServer(server, m.shop)
	go func() { _ = server.Serve(lis) }()
	m.stop = server.Stop
	m.lis.Store(lis)
}

// kill breaks the connections with whatever is under way, and refuses others.
func (m *mortal) kill() {
	m.lis.Store(nil)
	m.stop()
}

func (m *mortal) dial(ctx context.Context, _ string) (net.Conn, error) {
	if lis := m.lis.Load(); lis != nil {
		return lis.DialContext(ctx)
	}
	return nil, errors.New("connection refused")
}

// readers ask for ten products each 100 ms, with a second for each call.
type readers struct {
	mu     sync.Mutex
	counts map[cache.Result]int
	errs   []error
	worst  time.Duration
}

func (r *readers) run(client testv1.ShopClient, d time.Duration) {
	var all sync.WaitGroup
	for id := range 10 {
		all.Go(func() {
			for begun := time.Now(); time.Since(begun) < d; take(100 * time.Millisecond) {
				r.read(client, strconv.Itoa(id))
			}
		})
	}
	all.Wait()
}

func (r *readers) read(client testv1.ShopClient, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var out cache.Outcome
	begun := time.Now()
	_, err := client.GetProduct(ctx, &testv1.GetProductRequest{Id: id}, cache.Report(&out))
	took := time.Since(begun)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[out.Result]++
	r.worst = max(r.worst, took)
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// An origin that dies for 30 s: every read of what is cached is answered, and none waits
// for its deadline.
func TestAnOriginThatDies(t *testing.T) {
	var hanging atomic.Bool
	for _, tt := range []struct {
		name      string
		die, live func(*mortal)
		patience  time.Duration
	}{
		{"killed", (*mortal).kill, (*mortal).start, 0},
		{"hanging", func(*mortal) { hanging.Store(true) }, func(*mortal) { hanging.Store(false) }, 200 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				m := &mortal{shop: &shop{}}
				m.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					if hanging.Load() {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					take(5 * time.Millisecond)
					return &testv1.GetProductResponse{Product: &testv1.Product{Id: req.GetId()}}, nil
				}
				m.start()
				client := m.client(t, cache.WithPolicies(products(t, `max_age: 5s, stale_if_error: 120s, soft_timeout: 0.2s, groups: ["product:{id}"]`)))
				phase := func(what string, d time.Duration) *readers {
					r := &readers{counts: map[cache.Result]int{}}
					r.run(client, d)
					t.Logf("%s: %v, at most %v", what, r.counts, r.worst)
					return r
				}
				before := phase("alive", 7*time.Second)
				if before.counts[cache.Hit] == 0 || len(before.errs) > 0 {
					t.Fatalf("alive: got %v, %v", before.counts, before.errs)
				}
				tt.die(m)
				during := phase("dead", 30*time.Second)
				if len(during.errs) > 0 {
					t.Errorf("dead: %d of the reads failed, the first with: %v", len(during.errs), during.errs[0])
				}
				if during.worst > tt.patience {
					t.Errorf("dead: a read took %v, want at most %v", during.worst, tt.patience)
				}
				if during.counts[cache.Stale] < 2000 {
					t.Errorf("dead: got %v, want some 2500 stale replies", during.counts)
				}
				tt.live(m)
				phase("alive again", 20*time.Second)
				if after := phase("later", 10*time.Second); after.counts[cache.Stale] > 0 || len(after.errs) > 0 {
					t.Errorf("alive again for 20 s: got %v, %v", after.counts, after.errs)
				}
				m.stop()
			})
		})
	}
}

// client is a channel to the origin, with a cache.
func (m *mortal) client(t *testing.T, opts ...cache.Option) testv1.ShopClient {
	t.Helper()
	c, err := cache.New(append(opts, cache.WithMaxBytes(1<<20))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	conn, err := grpc.NewClient("passthrough:///shop", append(c.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(m.dial),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, MaxDelay: 5 * time.Second}}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return testv1.NewShopClient(conn)
}

// Everything is invalidated at once, and the origin can take no more than a few calls at a
// time: those who ask for the same product send one call, and after a soft invalidation no
// caller waits and the origin has few refreshes at once.
func TestAMassInvalidationIsNoErrorBurst(t *testing.T) {
	const (
		ids      = 100
		callers  = 10 // for each
		capacity = 100
	)
	for _, tt := range []struct {
		name string
		rule string
		said string
	}{
		{"hard", `max_age: 600s, groups: [all]`, `"all"`},
		{"soft", `max_age: 600s, stale_while_revalidate: 600s, groups: [all]`, `"all";soft`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, cache.WithPolicies(products(t, tt.rule)))
				var under, most atomic.Int64
				r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					n := under.Add(1)
					defer under.Add(-1)
					for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
					}
					if n > capacity {
						return nil, status.Error(codes.ResourceExhausted, "full")
					}
					take(10 * time.Millisecond)
					return &testv1.GetProductResponse{}, nil
				}
				for id := range ids {
					r.get(strconv.Itoa(id))
				}
				r.shop.trailed = metadata.Pairs("cache-group-invalidation", tt.said)
				if _, err := r.client.Touch(t.Context(), &testv1.TouchRequest{}); err != nil {
					t.Fatal(err)
				}
				r.shop.trailed = nil
				calls := r.shop.calls.Load()
				var all sync.WaitGroup
				for n := range ids * callers {
					all.Go(func() {
						_, out, err := r.tryGet(context.Background(), strconv.Itoa(n%ids))
						if err != nil {
							t.Errorf("call %d: %v", n, err)
						}
						if soft := tt.name == "soft"; soft != (out.Result == cache.Stale) {
							t.Errorf("call %d: got %v", n, out.Result)
						}
					})
				}
				all.Wait()
				pass(time.Second)
				if got := r.shop.calls.Load() - calls; got > ids {
					t.Errorf("the origin got %d calls, want at most %d", got, ids)
				}
				t.Logf("at most %d calls at the origin at once", most.Load())
			})
		})
	}
}
