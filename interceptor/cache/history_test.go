package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

const (
	historyClients = 8
	historyRound   = 150 * time.Millisecond
	historyBound   = 20 * time.Millisecond // max_age
	historyLag     = 15 * time.Millisecond
)

// historyTime is how long histories are made for: FRESHET_HISTORY, by default little.
func historyTime(t *testing.T, unless time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("FRESHET_HISTORY")
	if text == "" {
		return unless
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FRESHET_HISTORY: %v", err)
	}
	return d
}

type historyPrincipal struct{}

// historian makes histories of one cache.
type historian struct {
	*rig
	db   *database
	seed uint64
	// whims: calls ask for this and that.
	whims bool
	calls atomic.Uint64 // of GetProduct

	mu  sync.Mutex
	ops []porcupine.Operation
}

func newHistorian(t *testing.T, versions bool, weaken string, seed uint64, opts ...cache.Option) *historian {
	t.Helper()
	set, err := cachepolicy.Parse("test.yaml", fmt.Appendf(nil, `methods:
- method: /freshet.test.v1.Shop/GetProduct
  policy: {cache: {groups: ["product:{id}"], max_age: %.3fs, eager_refresh: 0.5}}
- method: /freshet.test.v1.Shop/UpdateProduct
  policy: {invalidates: {groups: ["product:{product.id}"]}}
`, historyBound.Seconds()))
	if err != nil {
		t.Fatal(err)
	}
	h := &historian{seed: seed, db: newDatabase(seed)}
	h.db.versions, h.db.lag = versions, historyLag
	h.rig = newRig(t, append(opts, cache.WithPolicies(set), cache.WithWriteDoubt(5*time.Millisecond),
		cache.WithPrincipal(func(ctx context.Context) (string, error) {
			who, _ := ctx.Value(historyPrincipal{}).(string)
			return who, nil
		}))...)
	h.cache.Weaken(weaken)
	h.shop.getProduct, h.shop.update = h.db.get, h.db.update
	return h
}

func (h *historian) note(client int, from, to time.Duration, in step, out any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Call: int64(from), Return: int64(to), Input: in, Output: out})
}

// get reads a row through the cache.
func (h *historian) get(ctx context.Context, client int, id string, rng *rand.Rand) {
	who := fmt.Sprintf("p%d", rng.IntN(2))
	ctx = metadata.AppendToOutgoingContext(context.WithValue(ctx, historyPrincipal{}, who), "authorization", who)
	if rng.IntN(20) == 0 { // gives up early; whoever else waits is not to notice
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(1000))*time.Microsecond)
		defer cancel()
	}
	var out cache.Outcome
	h.calls.Add(1)
	from := h.db.now()
	opts := []grpc.CallOption{cache.Report(&out)}
	if h.whims {
		opts = append(opts, whim(rng)...)
	}
	resp, err := h.client.GetProduct(ctx, &testv1.GetProductRequest{Id: id}, opts...)
	if err != nil {
		return
	}
	to := h.db.now()
	if want := product(id, resp.GetSerial(), resp.GetProduct().GetName()); !proto.Equal(resp, want) {
		h.t.Errorf("%s: an answer of version %d is not what the origin said", id, resp.GetSerial())
	}
	h.note(client, from, to, step{kind: "get", id: id, who: who},
		shownTo{resp.GetSerial(), resp.GetProduct().GetName(), out.Lagging})
}

// put writes a row in one of the ways in which rows are written.
func (h *historian) put(ctx context.Context, client int, id string, rng *rand.Rand) {
	from := h.db.now()
	written := func(c commit, due time.Duration) {
		h.note(client, from, c.at, step{kind: "commit", id: id, version: c.version}, nil)
		h.note(client, from, due, step{kind: "due", id: id, version: c.version}, nil)
	}
	late := historyBound + time.Millisecond
	if h.db.versions {
		late += historyLag
	}
	switch way := rng.IntN(10); {
	case way == 0: // by somebody else, who says nothing
		c := h.db.write(id)
		written(c, c.at+late)
	case way < 3 && !h.db.versions: // by somebody else, who tells this cache
		c := h.db.write(id)
		h.cache.Invalidate("product:" + id)
		written(c, h.db.now())
	default:
		p := &testv1.Product{Id: id, Price: rng.Int64()}
		if way == 3 {
			p.Name = "lose"
		}
		_, err := h.client.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: p})
		due := h.db.now()
		c, ok := h.db.of(p.GetPrice())
		if !ok {
			return
		}
		if err != nil && h.db.versions {
			due = max(due, c.at+late) // the lost reply had the version
		}
		written(c, due)
	}
}

// round makes one history, of rows that no other has, and checks it.
func (h *historian) round(n int) string {
	h.ops = nil
	ctx := h.t.Context()
	var wg sync.WaitGroup
	end := h.db.now() + historyRound
	for client := range historyClients {
		rng := rand.New(rand.NewPCG(h.seed, uint64(n*historyClients+client)))
		wg.Go(func() {
			for h.db.now() < end {
				id := fmt.Sprintf("%d-%d", n, rng.IntN(3))
				if rng.IntN(8) == 0 {
					h.put(ctx, client, id, rng)
				} else {
					h.get(ctx, client, id, rng)
				}
			}
		})
	}
	wg.Wait()
	return check(h.ops)
}

// rounds makes histories for a while, and returns what is wrong with one, "" if
// nothing is.
func (h *historian) rounds(d time.Duration) (wrong string, ops int) {
	for n, begun := 0, time.Now(); time.Since(begun) < d; n++ {
		wrong := h.round(n)
		ops += len(h.ops)
		if wrong != "" {
			return fmt.Sprintf("round %d after %v: %s", n, time.Since(begun), wrong), ops
		}
	}
	return "", ops
}

func historySeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	return seed
}

// TestHistories is the promise of the package: whatever happens at once, no answer is
// older than it may be.
func TestHistories(t *testing.T) {
	for name, versions := range map[string]bool{"one database": false, "a lagging replica": true} {
		t.Run(name, func(t *testing.T) {
			h := newHistorian(t, versions, "", historySeed(t))
			wrong, ops := h.rounds(historyTime(t, 2*time.Second))
			if wrong != "" {
				t.Fatal(wrong)
			}
			s := h.cache.Stats()
			t.Logf("%d operations; %+v", ops, s)
			if s.Hits == 0 || s.Collapsed == 0 || s.Refreshes == 0 || versions && s.Lagging == 0 {
				t.Errorf("the histories are of no use: %+v", s)
			}
		})
	}
}

// Without any one of its protections the cache breaks the promise, and the check sees it.
func TestHistoriesWithoutAProtection(t *testing.T) {
	for weaken, versions := range map[string]bool{
		"fill epoch": false, "lookup epoch": false, "follower check": false, "version fence": true, "principal in key": false,
	} {
		t.Run(weaken, func(t *testing.T) {
			h := newHistorian(t, versions, weaken, historySeed(t))
			begun := time.Now()
			if wrong, ops := h.rounds(30 * time.Second); wrong == "" {
				t.Errorf("%d operations without %s, and nothing is wrong", ops, weaken)
			} else {
				t.Logf("found after %v and %d operations", time.Since(begun), ops)
			}
		})
	}
}
