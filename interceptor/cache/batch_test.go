package cache_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

const batchRule = `batch: {ids: ids, items: products, item_id: id}, groups: ["product:{ids}"], max_age: 60s`

// batched returns a rig whose BatchGetProducts has the rule, and what the origin was
// asked for.
func batched(t *testing.T, rule string) (*rig, *[]string) {
	t.Helper()
	set, err := cachepolicy.Parse("test.yaml", fmt.Appendf(nil, `methods:
- method: /freshet.test.v1.Shop/BatchGetProducts
  policy: {cache: {scope: PUBLIC, %s}}
`, rule))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, cache.WithPolicies(set))
	var (
		mu  sync.Mutex
		log []string
	)
	r.shop.batch = func(_ context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, strings.Join(req.GetIds(), ","))
		out := &testv1.BatchGetProductsResponse{}
		ids := slices.Clone(req.GetIds())
		slices.Sort(ids) // not as asked
		for _, id := range ids {
			if !strings.HasPrefix(id, "no") {
				out.Products = append(out.Products, &testv1.Product{Id: id, Name: req.GetLanguage(), Price: r.shop.calls.Load()})
			}
		}
		return out, nil
	}
	return r, &log
}

// ask returns the reply as "id@price" of each item.
func (r *rig) ask(ids string, opts ...grpc.CallOption) (string, cache.Outcome) {
	r.t.Helper()
	var out cache.Outcome
	req := &testv1.BatchGetProductsRequest{}
	if ids != "" {
		req.Ids = strings.Split(ids, ",")
	}
	resp, err := r.client.BatchGetProducts(r.t.Context(), req, append(opts, cache.Report(&out))...)
	if err != nil {
		return status.Code(err).String(), out
	}
	var items []string
	for _, p := range resp.GetProducts() {
		items = append(items, fmt.Sprintf("%s@%d", p.GetId(), p.GetPrice()))
	}
	return strings.Join(items, " "), out
}

func (r *rig) wantItems(ids, want string, result cache.Result, opts ...grpc.CallOption) {
	r.t.Helper()
	if got, out := r.ask(ids, opts...); got != want || out.Result != result {
		r.t.Errorf("%q: got %q, %+v; want %q, %v", ids, got, out, want, result)
	}
}

func TestOnlyMissingItemsAreAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, log := batched(t, batchRule)
		r.wantItems("b,a", "b@1 a@1", cache.Miss)
		r.wantItems("a", "a@1", cache.Hit)
		r.wantItems("a,b", "a@1 b@1", cache.Hit)
		r.wantItems("c,a,d,b", "c@2 a@1 d@2 b@1", cache.Miss)
		r.wantItems("d,c,b,a", "d@2 c@2 b@1 a@1", cache.Hit)
		if got := strings.Join(*log, " "); got != "b,a c,d" {
			t.Errorf("the origin was asked for %q", got)
		}
		if s := r.cache.Stats(); s.Hits != 3 || s.Misses != 2 || s.Calls != 5 || s.OriginCalls != 2 || s.Entries != 4 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestRepeatedIDs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, log := batched(t, batchRule)
		r.wantItems("a,b,a", "a@1 b@1 a@1", cache.Miss)
		r.wantItems("a,a", "a@1 a@1", cache.Hit)
		if got := strings.Join(*log, " "); got != "a,b" {
			t.Errorf("the origin was asked for %q", got)
		}
		// The two are not one message.
		resp, err := r.client.BatchGetProducts(t.Context(), &testv1.BatchGetProductsRequest{Ids: []string{"a", "a"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Products[0].Name = "mine"
		if resp.GetProducts()[1].GetName() != "" {
			t.Error("the items of a repeated id are shared")
		}
	})
}

// An id that the origin has nothing for is asked for again, unless the rule keeps errors.
func TestUnknownIDs(t *testing.T) {
	for rule, want := range map[string]string{
		batchRule:                            "no1,a no1 no1",
		batchRule + ", negative_max_age: 5s": "no1,a no1",
	} {
		inBubble(t, func(t *testing.T) {
			r, log := batched(t, rule)
			r.wantItems("no1,a", "a@1", cache.Miss)
			_, _ = r.ask("a,no1")
			pass(6 * time.Second)
			r.wantItems("no1,a", "a@1", cache.Miss)
			if got := strings.Join(*log, " "); got != want {
				t.Errorf("%s: the origin was asked for %q, want %q", rule, got, want)
			}
		})
	}
}

func TestItemsAreInvalidatedOneByOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		r.wantItems("a,b,c", "a@1 b@1 c@1", cache.Miss)
		r.cache.Invalidate("product:b")
		r.wantItems("a,b,c", "a@1 b@2 c@1", cache.Miss)
		r.wantItems("a,b,c", "a@1 b@2 c@1", cache.Hit)
	})
}

// What else a request says is part of each item's key.
func TestItemsOfDifferentRequests(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		for _, language := range []string{"de", "fr", "de"} {
			resp, err := r.client.BatchGetProducts(t.Context(), &testv1.BatchGetProductsRequest{Ids: []string{"a"}, Language: language})
			if err != nil || resp.GetProducts()[0].GetName() != language {
				t.Errorf("%s: got %v, %v", language, resp, err)
			}
		}
	})
}

// A reply that is not the sum of its items is its caller's, word for word.
func TestAReplyThatIsNoBatch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		r.wantItems("a", "a@1", cache.Miss)
		r.shop.batch = func(_ context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
			out := &testv1.BatchGetProductsResponse{Products: []*testv1.Product{{Id: "advertisement"}}}
			for _, id := range req.GetIds() {
				out.Products = append(out.Products, &testv1.Product{Id: id, Price: 9})
			}
			return out, nil
		}
		r.wantItems("x,y", "advertisement@0 x@9 y@9", cache.Miss)
		r.wantItems("x,a", "advertisement@0 x@9 a@9", cache.Miss)
		if _, out := r.ask("x,y"); out.Stored {
			t.Errorf("got %+v", out)
		}
	})
}

func TestNoIDs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		r.wantItems("", "", cache.Miss)
	})
}

func TestBatchesAreCollapsedAndFail(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, log := batched(t, batchRule+", stale_if_error: 600s, stale_while_revalidate: 5s")
		inner := r.shop.batch
		r.shop.batch = func(ctx context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
			take(10 * time.Millisecond)
			return inner(ctx, req)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { r.ask("a,b") })
		}
		wg.Wait()
		if len(*log) != 1 {
			t.Errorf("the origin was asked for %q", *log)
		}
		// In the window of stale_while_revalidate.
		pass(62 * time.Second)
		r.wantItems("b,a", "b@1 a@1", cache.Stale)
		pass(20 * time.Millisecond)
		r.wantItems("b,a", "b@2 a@2", cache.Hit)
		// The origin is down.
		r.shop.batch = func(context.Context, *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
			return nil, status.Error(codes.Unavailable, "down")
		}
		r.wantItems("a,c", "Unavailable", cache.Error)
		pass(70 * time.Second)
		r.wantItems("b,a", "b@2 a@2", cache.Stale)
		r.wantItems("a,c", "Unavailable", cache.Error)
		if s := r.cache.Stats(); s.Calls != s.Hits+s.Stale+s.Misses+s.Collapsed+s.Errors {
			t.Errorf("got %+v", s)
		}
	})
}

func TestMetadataOfABatch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		r.shop.said = metadata.Pairs("cache-control", "max-age=50", "cache-groups", `"first"`, "x-note", "1", "etag", `"e"`)
		r.ask("a")
		pass(10 * time.Second)
		r.shop.said = metadata.Pairs("cache-control", "max-age=20", "cache-groups", `"second"`, "x-note", "2", "etag", `"f"`)
		r.ask("b")
		pass(5 * time.Second)
		var header metadata.MD
		r.wantItems("a,b", "a@1 b@2", cache.Hit, grpc.Header(&header))
		got := fmt.Sprint(header["cache-control"], header["age"], header["cache-groups"], header["etag"], header["cache-status"])
		if got != `[max-age=20] [15] ["first", "second"] [] [freshet; hit; ttl=15]` {
			t.Errorf("got %s", got)
		}
		r.wantItems("a,b,c", "a@1 b@2 c@3", cache.Miss, grpc.Header(&header))
		if got := header["cache-status"]; len(got) != 1 || !contains(got[0], "fwd=uri-miss") || !contains(got[0], "ttl=15") {
			t.Errorf("cache-status: got %q", got)
		}
	})
}

// Whatever is asked in whatever order, after whatever invalidations, the reply is what an
// origin without a cache would have said.
func TestBatchesAgainstTheOrigin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, func(t *testing.T) {
			r, _ := batched(t, batchRule)
			prices := map[string]int64{}
			r.shop.batch = func(_ context.Context, req *testv1.BatchGetProductsRequest) (*testv1.BatchGetProductsResponse, error) {
				out := &testv1.BatchGetProductsResponse{}
				for _, id := range req.GetIds() {
					if p, ok := prices[id]; ok {
						out.Products = append(out.Products, &testv1.Product{Id: id, Price: p})
					}
				}
				return out, nil
			}
			ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				if rapid.IntRange(0, 3).Draw(rt, "write") == 0 {
					id := ids.Draw(rt, "id")
					if rapid.Bool().Draw(rt, "delete") {
						delete(prices, id)
					} else {
						prices[id]++
					}
					r.cache.Invalidate("product:" + id)
					continue
				}
				asked := rapid.SliceOfN(ids, 0, 6).Draw(rt, "asked")
				var want []string
				for _, id := range asked {
					if p, ok := prices[id]; ok {
						want = append(want, fmt.Sprintf("%s@%d", id, p))
					}
				}
				if got, _ := r.ask(strings.Join(asked, ",")); got != strings.Join(want, " ") {
					rt.Fatalf("%v: got %q, want %q", asked, got, want)
				}
			}
		})
	})
}

// The limit on a reply is one on the whole, wherever its items come from.
func TestABatchThatIsTooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, _ := batched(t, batchRule)
		r.ask("a,b,c")
		limit := grpc.MaxCallRecvMsgSize(20)
		for _, ids := range []string{"a,b,c", "a,b,d", "d,e,f"} {
			if got, out := r.ask(ids, limit); got != codes.ResourceExhausted.String() {
				t.Errorf("%s: got %q, %+v", ids, got, out)
			}
		}
	})
}
