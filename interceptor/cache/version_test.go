package cache_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// versions makes the shop answer with these versions in turn, which are the serials, too;
// the last one again and again. asked collects what calls ask by cache-min-version.
func (r *rig) versions(asked *[]string, versions ...int64) {
	r.shop.getProduct = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		if asked != nil {
			*asked = append(*asked, metadata.ValueFromIncomingContext(ctx, "cache-min-version")...)
		}
		v := versions[0]
		if len(versions) > 1 {
			versions = versions[1:]
		}
		_ = grpc.SetHeader(ctx, metadata.Pairs("cache-version", strconv.FormatInt(v, 10)))
		return &testv1.GetProductResponse{Serial: v, Product: &testv1.Product{Id: req.GetId()}}, nil
	}
}

// write tells the cache of a write, by the trailer of a call.
func (r *rig) write(invalidation string) {
	r.t.Helper()
	r.shop.trailed = metadata.Pairs("cache-group-invalidation", invalidation)
	if _, err := r.client.Touch(r.t.Context(), &testv1.TouchRequest{}); err != nil {
		r.t.Fatal(err)
	}
	r.shop.trailed = nil
}

func TestALaggingReplyIsNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.versions(nil, 9, 9, 9, 10)
		r.want("1", cache.Miss, 9)
		r.write(`"product:1";v=10`)
		serial, out := r.get("1") // asked twice: both replicas lag
		if serial != 9 || !out.Lagging || out.Stored || out.Version != 9 {
			t.Errorf("got %d, %+v", serial, out)
		}
		if !contains(out.CacheStatus, "lagging") {
			t.Errorf("cache-status: %s", out.CacheStatus)
		}
		r.want("1", cache.Miss, 10)
		r.want("1", cache.Hit, 10)
		if s := r.cache.Stats(); s.Lagging != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestALaggingReplyIsAskedForOnceMore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.versions(nil, 9, 9, 10)
		r.want("1", cache.Miss, 9)
		r.write(`"product:1";v=10`)
		r.want("1", cache.Miss, 10) // in one call
		r.want("1", cache.Hit, 10)
	})
}

// A version that what is stored has already leaves it alone, as does one that is
// heard again.
func TestVersionsSpareWhatIsTrue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.versions(nil, 10, 11)
		r.want("1", cache.Miss, 10)
		r.write(`"product:1";v=10`)
		r.want("1", cache.Hit, 10)
		r.write(`"product:1";v=11`)
		r.want("1", cache.Miss, 11)
		r.write(`"product:1";v=11, "product:1";v=3`)
		r.want("1", cache.Hit, 11)
		r.write(`"product:1"`) // without a version nothing is spared
		r.want("1", cache.Miss, 11)
	})
}

// An older reply does not replace a newer one, whichever comes first.
func TestAnOlderVersionDoesNotReplace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.versions(nil, 10, 9, 9)
		r.want("1", cache.Miss, 10)
		if serial, out := r.get("1", cache.NoCache()); serial != 9 || !out.Lagging {
			t.Errorf("got %d, %+v", serial, out)
		}
		r.want("1", cache.Hit, 10)
	})
}

func TestMinVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		var asked []string
		r.versions(&asked, 4, 4, 5)
		r.want("1", cache.Miss, 4)
		r.want("1", cache.Hit, 4, cache.MinVersion(4))
		r.want("1", cache.Miss, 5, cache.MinVersion(5)) // the second answer
		r.want("1", cache.Hit, 5, cache.MinVersion(5))
		ctx := metadata.AppendToOutgoingContext(t.Context(), "cache-min-version", "6")
		if serial, out, err := r.tryGet(ctx, "1"); serial != 5 || err != nil || !out.Lagging {
			t.Errorf("got %d, %+v, %v", serial, out, err)
		}
		if len(asked) != 4 || asked[0] != "5" || asked[2] != "6" {
			t.Errorf("the origin was asked for at least %q", asked)
		}
	})
}

// Lagging replies are asked for again within a budget.
func TestLagRetriesAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.versions(nil, 1)
		const calls = 200
		for range calls {
			r.get("1", cache.MinVersion(2))
		}
		if n := r.shop.calls.Load(); n > calls*125/100+15 {
			t.Errorf("%d calls of %d reached the origin, want at most 20 %% of them again and 10 more", n, calls)
		}
	})
}

// Without versions, replies to requests from shortly after an invalidation are returned and not
// stored.
func TestHoldOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, hold_off: 2s")
		r.want("1", cache.Miss, 1)
		r.want("1", cache.Hit, 1)
		r.cache.Invalidate("product:1")
		pass(1900 * time.Millisecond)
		_, out := r.get("1")
		if out.Result != cache.Miss || out.Stored || !contains(out.CacheStatus, "hold-off") {
			t.Errorf("got %+v", out)
		}
		r.get("2")
		if _, out := r.get("2"); out.Result != cache.Hit {
			t.Errorf("another group is held off: %+v", out)
		}
		pass(200 * time.Millisecond)
		r.want("1", cache.Miss, 4)
		r.want("1", cache.Hit, 4)
	})
}

// Every expiry lies between the shortened and the whole lifetime.
func TestJitterOnlyShortens(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 100s, jitter: 0.1", cache.WithMaxBytes(16<<20))
		const keys = 2000
		for i := range keys {
			if _, out := r.get(strconv.Itoa(i)); out.Lifetime < 90*time.Second || out.Lifetime > 100*time.Second {
				t.Fatalf("got a lifetime of %v", out.Lifetime)
			}
		}
		pass(95 * time.Second)
		fresh := 0
		for i := range keys {
			if _, out := r.get(strconv.Itoa(i)); out.Result == cache.Hit {
				fresh++
			}
		}
		if fresh < keys*4/10 || fresh > keys*6/10 {
			t.Errorf("%d of %d are fresh half way through the jitter", fresh, keys)
		}
	})
}

// A caller that gave no deadline is given the reply that is reported, when the second
// one is even older, or fails half-way.
func TestTheNewerOfTwoLaggingReplies(t *testing.T) {
	for name, second := range map[string]func() (*testv1.GetProductResponse, error){
		"older":  func() (*testv1.GetProductResponse, error) { return &testv1.GetProductResponse{Serial: 7}, nil },
		"failed": func() (*testv1.GetProductResponse, error) { return nil, status.Error(codes.Unavailable, "down") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				calls := 0
				r.shop.getProduct = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
					if calls++; calls == 2 {
						_ = grpc.SetHeader(ctx, metadata.Pairs("cache-version", "7"))
						return second()
					}
					_ = grpc.SetHeader(ctx, metadata.Pairs("cache-version", "8"))
					return &testv1.GetProductResponse{Serial: 8}, nil
				}
				var out cache.Outcome
				resp, err := r.client.GetProduct(context.Background(), &testv1.GetProductRequest{Id: "1"}, cache.MinVersion(9), cache.Report(&out))
				if err != nil || resp.GetSerial() != 8 || out.Version != 8 || !out.Lagging || calls != 2 {
					t.Errorf("got %v, %+v, %v after %d calls", resp, out, err, calls)
				}
			})
		})
	}
}

// A write of this client's own makes invalid what its annotation names, whatever version the
// reply names: its caller must see it, even where a server has begun to count anew.
func TestOwnWritesAreSeenWhateverTheirVersion(t *testing.T) {
	for _, trailer := range []string{`"product:1";v=1`, `"product:1";v=10`, `"product:1";v=11`, `"product:1"`, `"product:1";v=10;soft`} {
		t.Run(trailer, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.versions(nil, 10, 11)
				r.want("1", cache.Miss, 10)
				r.shop.trailed = metadata.Pairs("cache-group-invalidation", trailer)
				if err := r.update("1"); err != nil {
					t.Fatal(err)
				}
				r.shop.trailed = nil
				if _, out := r.get("1"); out.Result != cache.Miss {
					t.Errorf("got %v, want a miss", out.Result)
				}
			})
		})
	}
}
