package origin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// hops is a client, a server A with an Origin, and a server B without one that A
// calls.
type hops struct {
	a, b   *shop
	client testv1.ShopClient
	down   testv1.ShopClient // A's, to B
	log    *logged
}

func newHops(t *testing.T, opts ...origin.Option) *hops {
	t.Helper()
	o, log := newOrigin(t, opts...)
	h := &hops{a: &shop{}, b: &shop{}, log: log}
	h.client = dial(t, serve(t, h.a, o.ServerOptions()...), "a")
	h.down = dial(t, serve(t, h.b), "b", o.DialOptions()...)
	return h
}

// via makes every method of A do f.
func (h *hops) via(f func(ctx context.Context) error) {
	h.a.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return &testv1.GetProductResponse{}, f(ctx)
	}
	h.a.update = func(ctx context.Context, _ *testv1.UpdateProductRequest) error { return f(ctx) }
	h.a.restock = func(_ *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
		return f(stream.Context())
	}
	h.a.basket, h.a.quote, h.a.peek, h.a.touch = f, f, f, f
}

// answers makes every method of B answer with metadata, a second later, and fail
// with code.
func (h *hops) answers(header, trailer metadata.MD, code codes.Code) {
	f := func(ctx context.Context) error {
		_ = grpc.SetHeader(ctx, header)
		_ = grpc.SetTrailer(ctx, trailer)
		take(time.Second)
		return status.Error(code, "as told")
	}
	h.b.get = func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return &testv1.GetProductResponse{}, f(ctx)
	}
	h.b.list = func(ctx context.Context) (*testv1.ListProductsResponse, error) {
		return productsOf([]string{"1", "2"}), f(ctx)
	}
	h.b.create = func(ctx context.Context) (*testv1.CreateProductResponse, error) {
		return &testv1.CreateProductResponse{Product: &testv1.Product{Id: "new"}}, f(ctx)
	}
	h.b.update = func(ctx context.Context, _ *testv1.UpdateProductRequest) error { return f(ctx) }
	h.b.restock = func(_ *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
		return f(stream.Context())
	}
	h.b.watch = func(stream grpc.ServerStreamingServer[testv1.WatchResponse]) error { return f(stream.Context()) }
	h.b.chat = func(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
		return f(stream.Context())
	}
	h.b.basket, h.b.peek, h.b.touch, h.b.imports = f, f, f, f
}

func chat(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	s, err := c.Chat(ctx, opts...)
	return drain[testv1.ChatResponse](s, err)
}

// givenUp reads, and loses patience.
func givenUp(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(time.Millisecond, cancel)
	return get(ctx, c, opts...)
}

// notWaitedFor reads, and does not wait.
func notWaitedFor(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	go func() { _ = get(ctx, c, opts...) }()
	return nil
}

// elsewhere reads as if it were no part of the call.
func elsewhere(_ context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	return get(context.Background(), c, opts...)
}

// asking reads, unless there is nothing new.
func asking(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	return get(metadata.AppendToOutgoingContext(ctx, wire.KeyIfNoneMatch, `"v1"`), c, opts...)
}

// hopTest is a call of A whose handler makes one call of B.
type hopTest struct {
	name            string
	outer, inner    caller
	header, trailer metadata.MD // of B
	code            codes.Code  // of B; A goes on without
	handler         string      // what A's handler says for itself, if anything
	want            said
}

func (tt hopTest) run(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHops(t)
		h.via(do(t, func(ctx context.Context) error {
			if err := tt.inner(ctx, h.down); status.Code(err) != tt.code {
				return fmt.Errorf("got %w, want %v", err, tt.code)
			}
			take(500 * time.Millisecond)
			return origin.SetCacheControl(ctx, tt.handler)
		}))
		h.answers(tt.header, tt.trailer, tt.code)
		var trailer metadata.MD
		if err := tt.outer(t.Context(), h.client, grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		tt.want.check(t, trailer)
		if got := heardIn(nil, trailer, nil); got.ETag != "" || got.NotModified != "" || got.Version != "" {
			t.Errorf("got %+v of B's passed up as A's", got)
		}
	})
}

// B takes a second, and A half a second more.
func TestReadsDownstream(t *testing.T) {
	cc := func(v ...string) metadata.MD { return metadata.MD{wire.KeyCacheControl: v} }
	const b = `"passthrough:///b/`
	own := `"product:7", `
	tests := []hopTest{
		// The rule of get and list: max_age 60 s; of get: group product:{id}.
		{name: "by the rule alone", outer: get, inner: get, want: said{"max-age=58", own + b + `product:7"`, ""}},
		{name: "groups of the reply", outer: get, inner: list, want: said{"max-age=58", own + b + `list", ` + b + `product:1", ` + b + `product:2"`, ""}},
		{name: "nothing is known", outer: get, inner: peek, want: said{"max-age=60", `"product:7"`, ""}},
		{name: "a shorter lifetime", outer: get, inner: get, header: cc("max-age=10"), want: said{"max-age=8", own + b + `product:7"`, ""}},
		{name: "a longer lifetime than the rule's", outer: get, inner: get, header: cc("max-age=1000"), want: said{"max-age=58", own + b + `product:7"`, ""}},
		{name: "a lifetime without a rule", outer: get, inner: peek, trailer: cc("max-age=10"), want: said{"max-age=8", `"product:7"`, ""}},
		{name: "a longer lifetime than ours", outer: get, inner: peek, trailer: cc("max-age=1000"), want: said{"max-age=60", `"product:7"`, ""}},
		{name: "the shorter of two", outer: get, inner: peek, trailer: cc("max-age=50, s-maxage=30"), want: said{"proxy-revalidate, max-age=28", `"product:7"`, ""}},
		{name: "a shared lifetime under a public rule", outer: get, inner: get, trailer: cc("max-age=5, s-maxage=30"), want: said{"proxy-revalidate, max-age=28", own + b + `product:7"`, ""}},
		{name: "header and trailer", outer: get, inner: peek, header: cc("max-age=20"), trailer: cc("max-age=10"), want: said{"max-age=8", `"product:7"`, ""}},
		{name: "a targeted field", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheControl, "no-store", wire.KeyRPCCacheControl, "max-age=20"), want: said{"max-age=18", `"product:7"`, ""}},
		{name: "an invalid targeted field", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheControl, "max-age=10", wire.KeyRPCCacheControl, "max-age=x"), want: said{"max-age=8", `"product:7"`, ""}},
		{name: "an age", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheControl, "max-age=10", wire.KeyAge, "4"), want: said{"max-age=4", `"product:7"`, ""}},
		{name: "an age past the lifetime", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheControl, "max-age=10", wire.KeyAge, "40"), want: said{"max-age=0", `"product:7"`, ""}},
		{name: "less than a second left", outer: get, inner: peek, header: cc("max-age=2"), want: said{"max-age=0", `"product:7"`, ""}},
		{name: "what a cache says is left", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheStatus, "far; hit; ttl=3, freshet; hit; ttl=20"), want: said{"max-age=19", own + b + `product:7"`, ""}},
		{name: "what a cache says in the trailer", outer: get, inner: peek, trailer: metadata.Pairs(wire.KeyCacheStatus, "freshet; hit; ttl=20"), want: said{"max-age=19", `"product:7"`, ""}},
		{name: "what a cache says of a stale reply", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheStatus, "freshet; fwd=stale; ttl=-5"), want: said{"max-age=0", own + b + `product:7"`, ""}},
		{name: "no-store", outer: get, inner: peek, header: cc("no-store"), want: said{"no-store, max-age=60", `"product:7"`, ""}},
		{name: "no-cache", outer: get, inner: peek, header: cc("no-cache, must-revalidate"), want: said{"no-cache, must-revalidate, max-age=60", `"product:7"`, ""}},
		{name: "metadata not to be used", outer: get, inner: peek, header: cc(`no-cache="x-a", public`), want: said{"max-age=60", `"product:7"`, ""}},
		{name: "a shorter stale window", outer: get, inner: peek, header: cc("stale-if-error=9"), want: said{"max-age=60, stale-if-error=9", `"product:7"`, ""}},
		{name: "malformed directives", outer: get, inner: peek, header: cc("max-age=x"), want: said{"no-store, max-age=60", `"product:7"`, ""}},
		{name: "private in public", outer: get, inner: peek, header: cc("private"), want: said{"private, max-age=60", `"product:7"`, ""}},
		{name: "private by its rule in public", outer: get, inner: basket, want: said{"private, max-age=58", own + b + `basket"`, ""}},
		{name: "private in private", outer: basket, inner: basket, want: said{"private, max-age=58", `"basket", ` + b + `basket"`, ""}},
		{name: "groups that the server names", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheGroups, `"x"`), trailer: metadata.Pairs(wire.KeyCacheGroups, `"y", "product:7"`), want: said{"max-age=58", own + b + `x", ` + b + `y", ` + b + `product:7"`, ""}},
		{name: "malformed groups", outer: get, inner: peek, trailer: metadata.Pairs(wire.KeyCacheGroups, `x`), want: said{"no-store", "", ""}},
		{name: "too many groups", outer: get, inner: peek, trailer: metadata.Pairs(wire.KeyCacheGroups, strings.Repeat(`"x", `, 128)+`"y"`), want: said{"no-store", "", ""}},
		{name: "a version", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheVersion, "9"), want: said{"max-age=58", own + b + `product:7";v=9`, ""}},
		{name: "the lesser of two versions", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheVersion, "9"), trailer: metadata.Pairs(wire.KeyCacheVersion, "8"), want: said{"max-age=58", own + b + `product:7";v=8`, ""}},
		{name: "versions of groups", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheVersion, "9", wire.KeyCacheGroups, `"x";v=4, "y", "product:7";v=3;soft`), want: said{"max-age=58", own + b + `x";v=4, ` + b + `y";v=9, ` + b + `product:7";v=3`, ""}},
		{name: "versions of groups alone", outer: get, inner: get, header: metadata.Pairs(wire.KeyCacheGroups, `"x";v=4, "y"`), want: said{"max-age=58", own + b + `x";v=4, ` + b + `y", ` + b + `product:7"`, ""}},
		{name: "a malformed version", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheVersion, "-9"), want: said{"no-store", "", ""}},
		{name: "a malformed version of a group", outer: get, inner: peek, header: metadata.Pairs(wire.KeyCacheGroups, `"x";v="4"`), want: said{"no-store", "", ""}},
		{name: "an etag", outer: get, inner: get, header: metadata.Pairs(wire.KeyETag, `"v1"`), want: said{"max-age=58", own + b + `product:7"`, ""}},
		{name: "the handler has it already", outer: get, inner: asking, header: metadata.Pairs(wire.KeyETag, `"v1"`, wire.KeyNotModified, "1"), want: said{"no-store", "", ""}},
		{name: "the handler does not have it", outer: get, inner: asking, header: metadata.Pairs(wire.KeyETag, `"v1"`), want: said{"max-age=58", own + b + `product:7"`, ""}},
		{name: "a cache in between has it already", outer: get, inner: get, header: metadata.Pairs(wire.KeyNotModified, "1"), want: said{"max-age=58", own + b + `product:7"`, ""}},
		{name: "a streamed read", outer: get, inner: watch, header: cc("max-age=10"), trailer: metadata.Pairs(wire.KeyCacheGroups, `"x"`), want: said{"max-age=8", own + b + `x"`, ""}},
		{name: "read by a method without a rule", outer: peek, inner: get, want: said{"max-age=58", b + `product:7"`, ""}},
		{name: "nothing known by a method without a rule", outer: peek, inner: peek, want: said{}},
		{name: "read by a write", outer: touch, inner: get, header: cc("no-store"), want: said{}},
		{name: "the handler's lifetime is shorter", outer: get, inner: get, handler: "max-age=5", want: said{"max-age=5", own + b + `product:7"`, ""}},
		{name: "the handler's lifetimes are longer", outer: get, inner: get, handler: "max-age=100, s-maxage=90", want: said{"max-age=58, s-maxage=58", own + b + `product:7"`, ""}},
		{name: "the handler says nothing of a lifetime", outer: get, inner: peek, header: cc("max-age=80"), handler: "immutable", want: said{"immutable", `"product:7"`, ""}},
		{name: "the handler cannot lift a restriction", outer: get, inner: peek, header: cc("private"), handler: "public, max-age=5", want: said{"private, max-age=5", `"product:7"`, ""}},
		{name: "the rule has no default lifetime", outer: quote, inner: get, want: said{"", b + `product:7"`, ""}},

		// Failed reads.
		{name: "failed under a rule", outer: get, inner: get, code: codes.NotFound, want: said{"max-age=0", own + b + `product:7"`, ""}},
		{name: "failed with a lifetime", outer: get, inner: get, code: codes.NotFound, trailer: cc("max-age=9"), want: said{"max-age=7", own + b + `product:7"`, ""}},
		{name: "failed without a rule", outer: get, inner: peek, code: codes.NotFound, want: said{"max-age=60", `"product:7"`, ""}},
		{name: "failed, and the reply would have named groups", outer: get, inner: list, code: codes.Unavailable, want: said{"max-age=0", own + b + `list"`, ""}},
		{name: "given up", outer: get, inner: givenUp, code: codes.Canceled, want: said{"max-age=60", `"product:7"`, ""}},
		{name: "not waited for", outer: get, inner: notWaitedFor, want: said{"max-age=60", `"product:7"`, ""}},
		{name: "in another context", outer: get, inner: elsewhere, want: said{"max-age=60", `"product:7"`, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}
