package origin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// weighed notes how long the replies are that cross the network.
type weighed struct {
	stats.Handler
	mu    sync.Mutex
	bytes []int
}

func (w *weighed) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (w *weighed) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (w *weighed) HandleConn(context.Context, stats.ConnStats)                       {}
func (w *weighed) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InPayload); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bytes = append(w.bytes, in.Length)
	}
}

// automatic is a client with a cache and a server whose Origin makes tags, but of what its handler
// says otherwise.
type automatic struct {
	t       *testing.T
	client  testv1.ShopClient
	cache   *cache.Cache
	weighed *weighed

	mu    sync.Mutex
	asked []string // if-none-match of each call
	reply *testv1.GetProductResponse
	say   func(context.Context) error
	takes time.Duration
}

func newAutomatic(t *testing.T) *automatic {
	t.Helper()
	o, _ := newOrigin(t, origin.WithAutomaticETags())
	a := &automatic{t: t, cache: newCache(t), weighed: &weighed{}, reply: &testv1.GetProductResponse{Product: &testv1.Product{Name: strings.Repeat("x", 1000)}}}
	a.client = dial(t, serve(t, &shop{get: a.get}, o.ServerOptions()...), "a", append(a.cache.DialOptions(), grpc.WithStatsHandler(a.weighed))...)
	return a
}

func (a *automatic) get(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	take(a.takes)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, strings.Join(metadata.ValueFromIncomingContext(ctx, wire.KeyIfNoneMatch), " | "))
	if err := run(ctx, a.say); err != nil {
		return nil, err
	}
	return proto.CloneOf(a.reply), nil
}

// want asks for product 7, and checks how it was answered and that the reply is the server's.
func (a *automatic) want(result cache.Result, opts ...grpc.CallOption) {
	a.t.Helper()
	var out cache.Outcome
	got, err := a.client.GetProduct(a.t.Context(), &testv1.GetProductRequest{Id: "7"}, append(opts, cache.Report(&out))...)
	if err != nil || out.Result != result || !proto.Equal(got, a.reply) {
		a.t.Errorf("got a %v (%s) of serial %d, %v, want a %v of %d", out.Result, out.CacheStatus, got.GetSerial(), err, result, a.reply.GetSerial())
	}
}

// The cache asks for a reply again by the tag that the server has made of it, and what has
// not changed is not sent.
func TestAutomaticETagsInACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		a.want(cache.Miss)
		a.want(cache.Hit)
		take(61 * time.Second)
		a.want(cache.Validated)
		a.want(cache.Hit)
		a.want(cache.Validated, cache.NoCache())
		take(61 * time.Second)
		a.reply.Serial = 1
		a.want(cache.Miss)
		take(61 * time.Second)
		a.want(cache.Validated)
		take(61 * time.Second)
		a.reply.Serial = 0 // as it was at first
		a.want(cache.Miss)

		first, second := a.asked[1], a.asked[4]
		if want := []string{"", first, first, first, second, second}; fmt.Sprint(a.asked) != fmt.Sprint(want) || first == second || !strings.HasPrefix(first, `W/"`) {
			t.Errorf("the server was asked %q", a.asked)
		}
		if got := fmt.Sprint(a.weighed.bytes); got != "[1006 0 0 1008 0 1006]" {
			t.Errorf("replies of %s bytes were sent", got)
		}
	})
}

// A handler's own tag wins: the cache asks by it, and gets what it stands for.
func TestAutomaticETagsGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		a.want(cache.Miss)
		a.say = func(ctx context.Context) error { return origin.SetETag(ctx, `"own"`) }
		take(61 * time.Second)
		a.want(cache.Miss) // the stored tag is not the handler's
		take(61 * time.Second)
		a.want(cache.Validated)
		a.say = func(ctx context.Context) error { return origin.SetCacheControl(ctx, "no-store") }
		take(61 * time.Second)
		a.want(cache.Miss)
		a.want(cache.Miss)
		if got := a.asked[2:]; fmt.Sprint(got) != `["own" "own" ]` {
			t.Errorf("the server was asked %q", a.asked)
		}
	})
}

// What the server says with a not-modified of its own making is heard like a whole reply's: groups,
// lifetime, version.
func TestAutomaticNotModifiedSaysTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		a.want(cache.Miss)
		take(61 * time.Second)
		a.say = func(ctx context.Context) error {
			return errors.Join(origin.SetCacheControl(ctx, "max-age=20"), origin.Groups(ctx, "new"), origin.SetVersion(ctx, 5))
		}
		a.want(cache.Validated)
		take(19 * time.Second)
		a.want(cache.Hit, cache.MinVersion(5))
		take(2 * time.Second)
		a.want(cache.Validated)
		a.cache.Invalidate("new")
		a.want(cache.Miss)
	})
}

// An error has no tag, and is not made a not-modified.
func TestAutomaticETagsAndErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		a.want(cache.Miss)
		take(61 * time.Second)
		a.say = func(context.Context) error { return status.Error(codes.NotFound, "gone") }
		_, err := a.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "7"})
		if status.Code(err) != codes.NotFound {
			t.Errorf("got %v, want NOT_FOUND", err)
		}
		a.say = nil
		a.want(cache.Miss) // "gone" has ended what was stored
	})
}

// Many callers of a stale reply make one validation.
func TestAutomaticETagsOfManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		a.want(cache.Miss)
		take(61 * time.Second)
		a.takes = time.Second
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, err := a.client.GetProduct(t.Context(), &testv1.GetProductRequest{Id: "7"}); err != nil || !proto.Equal(got, a.reply) {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if s := a.cache.Stats(); s.Validated != 1 || s.Collapsed != 49 || len(a.asked) != 2 {
			t.Errorf("got %+v after %d calls", s, len(a.asked))
		}
	})
}

// Replicas that make tags and ones that make none take turns: each reply is the replica's own.
func TestAutomaticETagsOfOneReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAutomatic(t)
		makes, _ := newOrigin(t, origin.WithAutomaticETags())
		none, _ := newOrigin(t)
		at := makes
		server := serve(t, &shop{get: a.get}, grpc.UnaryInterceptor(
			func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				return at.UnaryServerInterceptor()(ctx, req, info, handler)
			}))
		a.client = dial(t, server, "a", a.cache.DialOptions()...)
		for i, step := range []struct {
			at   *origin.Origin
			want cache.Result
		}{{makes, cache.Miss}, {makes, cache.Validated}, {none, cache.Miss}, {makes, cache.Miss}, {makes, cache.Validated}} {
			t.Log("step", i)
			at = step.at
			a.want(step.want)
			take(61 * time.Second)
		}
	})
}
