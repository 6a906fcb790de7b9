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
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestWritesDownstream(t *testing.T) {
	untrue := func(v ...string) metadata.MD { return metadata.MD{wire.KeyCacheGroupInvalidation: v} }
	const (
		b       = `"passthrough:///b/`
		updated = b + `product:7", ` + b + `list"`
	)
	tests := []hopTest{
		{name: "by the annotation alone", outer: touch, inner: update, want: said{Untrue: updated}},
		{name: "beside our own", outer: update, inner: update, want: said{Untrue: updated + `, "product:7", "list"`}},
		{name: "groups of the reply", outer: touch, inner: create, want: said{Untrue: b + `product:new"`}},
		{name: "nothing is known", outer: touch, inner: touch, want: said{}},
		{name: "groups that the server names", outer: touch, inner: touch, header: untrue(`"x"`), trailer: untrue(`"y"; v=4`, `"x"`), want: said{Untrue: b + `x", ` + b + `y";v=4`}},
		{name: "a version of what the annotation names", outer: touch, inner: update, trailer: untrue(`"product:7";v=4, "x";soft, "y";soft;v=3`), want: said{Untrue: b + `product:7";v=4, ` + b + `x";soft, ` + b + `y";v=3;soft, ` + b + `list"`}},
		{name: "a version of what the annotation names, and it may have failed", outer: touch, inner: update, code: codes.Aborted, trailer: untrue(`"product:7";v=4`), want: said{Untrue: updated}},
		{name: "a version of what the annotation names, and it certainly failed", outer: touch, inner: update, code: codes.NotFound, trailer: untrue(`"product:7";v=4`), want: said{Untrue: b + `product:7";v=4`}},
		{name: "soft what the annotation names", outer: touch, inner: update, trailer: untrue(`"product:7";soft, "list";soft;v=4`), want: said{Untrue: updated}},
		{name: "a version of soft that cannot be read", outer: touch, inner: touch, trailer: untrue(`"x";soft=1`), want: said{Untrue: "*"}},
		{name: "malformed", outer: touch, inner: touch, trailer: untrue(`x`), want: said{Untrue: "*"}},
		{name: "everything", outer: touch, inner: touch, trailer: untrue(`"x"`, `*`), want: said{Untrue: "*"}},
		{name: "too many", outer: touch, inner: touch, trailer: untrue(strings.Repeat(`"x", `, 128) + `"y"`), want: said{Untrue: "*"}},
		{name: "on a safe method", outer: touch, inner: peek, trailer: untrue(`"x"`), want: said{}},
		{name: "certainly failed", outer: touch, inner: update, code: codes.AlreadyExists, want: said{}},
		{name: "certainly failed, and the server names groups", outer: touch, inner: update, code: codes.AlreadyExists, trailer: untrue(`"x"`), want: said{Untrue: b + `x"`}},
		{name: "may have failed", outer: touch, inner: update, code: codes.Unknown, want: said{Untrue: updated}},
		{name: "may have failed, and the reply would have named groups", outer: touch, inner: create, code: codes.Internal, want: said{Untrue: "*"}},
		{name: "given up", outer: touch, inner: updateGivenUp, code: codes.Canceled, want: said{Untrue: updated}},
		{name: "not waited for", outer: touch, inner: updateNotWaitedFor, want: said{Untrue: updated}},
		{name: "not waited for, and the reply would name groups", outer: touch, inner: createNotWaitedFor, want: said{Untrue: "*"}},
		{name: "of nothing known, and not waited for", outer: touch, inner: chatNotWaitedFor, trailer: untrue(`"x"`), want: said{}},
		{name: "in another context", outer: touch, inner: updateElsewhere, want: said{}},
		{name: "streamed from, by the annotation alone", outer: touch, inner: restock, want: said{Untrue: b + `product:7"`}},
		{name: "streamed from", outer: touch, inner: restock, trailer: untrue(`"x"`), want: said{Untrue: b + `x", ` + b + `product:7"`}},
		{name: "streamed from, and may have failed", outer: touch, inner: restock, code: codes.DataLoss, want: said{Untrue: b + `product:7"`}},
		{name: "streamed from, and left", outer: touch, inner: restockNotWaitedFor, want: said{Untrue: b + `product:7"`}},
		{name: "streamed to", outer: touch, inner: imports, want: said{Untrue: b + `product:7", ` + b + `product:8"`}},
		{name: "streamed to, and may have failed", outer: touch, inner: imports, code: codes.Unknown, want: said{Untrue: "*"}},
		{name: "streamed both ways", outer: touch, inner: chat, trailer: untrue(`"x"`), want: said{Untrue: b + `x"`}},
		{name: "from a streamed write", outer: restock, inner: update, want: said{Untrue: updated + `, "product:7"`}},
		{name: "from a safe method", outer: peek, inner: update, trailer: untrue(`"x"`), want: said{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func updateGivenUp(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(time.Millisecond, cancel)
	return update(ctx, c, opts...)
}

func updateNotWaitedFor(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	go func() { _ = update(ctx, c, opts...) }()
	return nil
}

func createNotWaitedFor(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	go func() { _ = create(ctx, c, opts...) }()
	return nil
}

func chatNotWaitedFor(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.Chat(ctx, opts...)
	return err
}

func restockNotWaitedFor(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.Restock(ctx, &testv1.RestockRequest{Id: "7"}, opts...)
	return err
}

func updateElsewhere(_ context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	return update(context.Background(), c, opts...)
}

// A write whose stream could not be opened was not asked for.
func TestNothingWasAsked(t *testing.T) {
	h := newHops(t)
	refused := errors.New("refused")
	o, _ := newOrigin(t)
	down := dial(t, nil, "nowhere", append(o.DialOptions(), grpc.WithContextDialer(noDialer(refused)))...)
	h.a.touch = do(t, func(ctx context.Context) error {
		if err := restock(ctx, down); status.Code(err) != codes.Unavailable {
			return fmt.Errorf("got %w, want UNAVAILABLE", err)
		}
		return nil
	})
	var trailer metadata.MD
	if err := touch(t.Context(), h.client, grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	said{}.check(t, trailer)
}

// An attempt may have taken effect whatever becomes of it on the way back: it is
// made again, its reply is refused, or its reply is made anew.
func TestInterceptorsInBetween(t *testing.T) {
	tests := []struct {
		name  string
		inner caller
		fails []codes.Code // of B, call by call
		done  func(again func(reply any) error, reply any) error
		want  string
	}{
		{"retried", update, []codes.Code{codes.Unavailable, codes.AlreadyExists}, func(again func(any) error, reply any) error {
			_ = again(reply)
			return again(reply)
		}, `"passthrough:///b/product:7", "passthrough:///b/list"`},
		{"refused", create, []codes.Code{codes.OK}, func(again func(any) error, reply any) error {
			_ = again(reply)
			return status.Error(codes.InvalidArgument, "no such reply")
		}, `"passthrough:///b/product:new"`},
		{"made anew", create, []codes.Code{codes.OK}, func(again func(any) error, reply any) error {
			other := &testv1.CreateProductResponse{}
			err := again(other)
			proto.Merge(reply.(proto.Message), other)
			return err
		}, `"passthrough:///b/product:", "passthrough:///b/product:new"`}, // the first a needless one
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			between := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				return tt.done(func(reply any) error { return invoker(ctx, method, req, reply, cc, opts...) }, reply)
			}
			o, _ := newOrigin(t)
			s, b, n := &shop{}, &shop{}, 0
			answer := func() error { n++; return status.Error(tt.fails[n-1], "as told") }
			b.update = func(context.Context, *testv1.UpdateProductRequest) error { return answer() }
			b.create = func(context.Context) (*testv1.CreateProductResponse, error) {
				return &testv1.CreateProductResponse{Product: &testv1.Product{Id: "new"}}, answer()
			}
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			down := dial(t, serve(t, b), "b", append(o.DialOptions(), grpc.WithChainUnaryInterceptor(between))...)
			s.touch = func(ctx context.Context) error { _ = tt.inner(ctx, down); return nil }
			var trailer metadata.MD
			if err := touch(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			said{Untrue: tt.want}.check(t, trailer)
		})
	}
}

// What was asked is what was sent, whatever the handler does with its message
// afterwards.
func TestRequestReusedByTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHops(t)
		h.answers(nil, nil, codes.OK)
		h.via(do(t, func(ctx context.Context) error {
			req := &testv1.RestockRequest{Id: "7"}
			progress, err := h.down.Restock(ctx, req)
			if err != nil {
				return err
			}
			req.Id = "other"
			return drain(progress, nil)
		}))
		var trailer metadata.MD
		if err := touch(t.Context(), h.client, grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		said{Untrue: `"passthrough:///b/product:7"`}.check(t, trailer)
	})
}

// Downstream calls run at once: groups add up, and the shortest lifetime counts.
func TestFanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHops(t)
		h.b.get = func(ctx context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return &testv1.GetProductResponse{}, grpc.SetTrailer(ctx, metadata.Pairs(wire.KeyCacheControl, "max-age="+req.GetId()))
		}
		const n = 20
		h.via(do(t, func(ctx context.Context) error {
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					_, err := h.down.GetProduct(ctx, &testv1.GetProductRequest{Id: fmt.Sprint(30 - i)})
					_, err2 := h.down.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: fmt.Sprint(i)}})
					if err := errors.Join(err, err2); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return nil
		}))
		var read, wrote metadata.MD
		if err := errors.Join(peek(t.Context(), h.client, grpc.Trailer(&read)), touch(t.Context(), h.client, grpc.Trailer(&wrote))); err != nil {
			t.Fatal(err)
		}
		if got := saidIn(read).CacheControl; got != "max-age=11" {
			t.Errorf("got %q, want max-age=11", got)
		}
		groups, err := wire.ParseGroups(read[wire.KeyCacheGroups])
		if err != nil || len(groups) != n {
			t.Errorf("got groups %q, %v, want %d", groups, err, n)
		}
		invalid, err := wire.ParseGroups(wrote[wire.KeyCacheGroupInvalidation])
		if err != nil || len(invalid) != n+1 { // and "list"
			t.Errorf("got invalidations %q, %v, want %d", invalid, err, n+1)
		}
	})
}

// What keeps replies from being reused, or writes from being heard, is logged
// once a method.
func TestLoggedOnce(t *testing.T) {
	h := newHops(t)
	tests := []struct {
		name, log   string
		outer       caller
		inner, more func(context.Context) error
	}{
		{"a write by a safe method", "invalidations are lost", peek, func(ctx context.Context) error { return update(ctx, h.down) }, nil},
		{"private in public", "marked private", get, func(ctx context.Context) error { return basket(ctx, h.down) }, nil},
		{"too many groups", "not reused", get, func(ctx context.Context) error {
			return origin.Groups(ctx, strings.Fields(longNames(24))...)
		}, func(ctx context.Context) error { return list(ctx, h.down) }},
		{"too much made untrue", "all groups are invalidated", touch, func(ctx context.Context) error {
			return origin.Invalidate(ctx, strings.Repeat("x", 257))
		}, nil},
	}
	h.b.list = func(context.Context) (*testv1.ListProductsResponse, error) {
		return productsOf(strings.Fields(longNames(2))[:1]), nil
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.via(do(t, func(ctx context.Context) error { return errors.Join(tt.inner(ctx), run(ctx, tt.more)) }))
			for range 3 {
				if err := tt.outer(t.Context(), h.client); err != nil {
					t.Fatal(err)
				}
			}
			if n := h.log.count(tt.log); n != 1 {
				t.Errorf("%q is logged %d times, want once:\n%s", tt.log, n, h.log.b.String())
			}
		})
	}
	if n := h.log.count("xxx"); n > 0 {
		t.Errorf("groups are in the log:\n%s", h.log.b.String())
	}
}
