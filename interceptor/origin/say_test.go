package origin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// caller makes one call and returns its error.
type caller func(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error

func get(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.GetProduct(ctx, &testv1.GetProductRequest{Id: "7"}, opts...)
	return err
}

func list(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.ListProducts(ctx, &testv1.ListProductsRequest{}, opts...)
	return err
}

func basket(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.GetBasket(ctx, &testv1.GetBasketRequest{}, opts...)
	return err
}

func quote(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.GetQuote(ctx, &testv1.GetQuoteRequest{}, opts...)
	return err
}

func peek(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.Peek(ctx, &testv1.PeekRequest{}, opts...)
	return err
}

func touch(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.Touch(ctx, &testv1.TouchRequest{}, opts...)
	return err
}

func update(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.UpdateProduct(ctx, &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "7"}}, opts...)
	return err
}

func create(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	_, err := c.CreateProduct(ctx, &testv1.CreateProductRequest{}, opts...)
	return err
}

func restock(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	return drain(c.Restock(ctx, &testv1.RestockRequest{Id: "7", Steps: 3}, opts...))
}

func watch(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	return drain(c.Watch(ctx, &testv1.WatchRequest{}, opts...))
}

func imports(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
	s, err := c.Import(ctx, opts...)
	if err != nil {
		return err
	}
	for _, id := range []string{"7", "8"} {
		if err := s.Send(&testv1.ImportRequest{Product: &testv1.Product{Id: id}}); err != nil {
			return err
		}
	}
	_, err = s.CloseAndRecv()
	return err
}

// fails returns a handler that fails.
func fails(code codes.Code) func(context.Context) error {
	return func(context.Context) error { return status.Error(code, "as told") }
}

// do returns a handler that does what must succeed.
func do(t *testing.T, f func(ctx context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
		return nil
	}
}

func failUpdate(code codes.Code) func(context.Context, *testv1.UpdateProductRequest) error {
	return func(ctx context.Context, _ *testv1.UpdateProductRequest) error { return fails(code)(ctx) }
}

func TestWhatIsSaid(t *testing.T) {
	names := func(n, size int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("%0*d", size, i)
		}
		return out
	}
	tests := []struct {
		name string
		shop *shop
		call caller
		code codes.Code
		want said
	}{
		{"a read by its rule", &shop{}, get, codes.OK, said{"max-age=60", `"product:7"`, ""}},
		{"a read for one principal", &shop{}, basket, codes.OK, said{"private, max-age=60", `"basket"`, ""}},
		{"a read whose reply names groups", &shop{}, list, codes.OK, said{"max-age=60", `"list", "product:1", "product:2"`, ""}},
		{"a rule without a default lifetime", &shop{}, quote, codes.OK, said{}},
		{"a read without a rule", &shop{}, peek, codes.OK, said{}},
		{"a streamed read", &shop{}, watch, codes.OK, said{}},
		{"a failed read", &shop{get: func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, status.Error(codes.NotFound, "")
		}}, get, codes.NotFound, said{}},
		{"a failed read that the handler gives a lifetime", &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, errFirst(origin.SetCacheControl(ctx, "max-age=3"), origin.Groups(ctx, "x"), status.Error(codes.NotFound, ""))
		}}, get, codes.NotFound, said{"max-age=3", "", ""}},
		{"directives of the handler", &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return &testv1.GetProductResponse{}, errFirst(
				origin.SetCacheControl(ctx, "max-age=3"),
				origin.SetCacheControl(ctx, ` Max-Age="30", PRIVATE,,immutable, stale-while-revalidate=5 `),
				origin.Groups(ctx, "mine", "product:7"), origin.Groups(ctx, "mine", `"\`, "ü", ""))
		}}, get, codes.OK, said{"private, max-age=30, stale-while-revalidate=5, immutable", `"mine", "product:7", "\"\\", :w7w=:, ""`, ""}},
		{"directives taken back", &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return &testv1.GetProductResponse{}, errFirst(origin.SetCacheControl(ctx, "no-store"), origin.SetCacheControl(ctx, " , "))
		}}, get, codes.OK, said{"max-age=60", `"product:7"`, ""}},
		{"directives where there is no rule", &shop{peek: do(t, func(ctx context.Context) error {
			return errFirst(origin.SetCacheControl(ctx, "max-age=3"), origin.Groups(ctx, "x"))
		})}, peek, codes.OK, said{"max-age=3", `"x"`, ""}},
		{"too many groups of the reply", &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) {
			return productsOf(names(128, 3)), nil // and "list"
		}}, list, codes.OK, said{"no-store", "", ""}},
		{"as many groups as fit", &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) {
			return productsOf(names(127, 3)), nil
		}}, list, codes.OK, said{"max-age=60", `"list", "product:` + strings.Join(names(127, 3), `", "product:`) + `"`, ""}},
		{"a group of the reply that is too long", &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) {
			return productsOf(names(1, 249)), nil // and "product:"
		}}, list, codes.OK, said{"no-store", "", ""}},
		{"groups of the reply that take too much room", &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) {
			return productsOf(names(100, 60)), nil
		}}, list, codes.OK, said{"no-store", "", ""}},

		{"a write", &shop{}, update, codes.OK, said{"", "", `"product:7", "list"`}},
		{"a write whose reply names groups", &shop{}, create, codes.OK, said{"", "", `"product:new"`}},
		{"a write that certainly failed", &shop{update: failUpdate(codes.FailedPrecondition)}, update, codes.FailedPrecondition, said{}},
		{"a write that may have failed", &shop{update: failUpdate(codes.Aborted)}, update, codes.Aborted, said{"", "", `"product:7", "list"`}},
		{"a write without a status", &shop{update: func(context.Context, *testv1.UpdateProductRequest) error {
			return context.DeadlineExceeded
		}}, update, codes.DeadlineExceeded, said{"", "", `"product:7", "list"`}},
		{"a write whose reply is lost", &shop{create: func(context.Context) (*testv1.CreateProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "")
		}}, create, codes.Unavailable, said{"", "", "*"}},
		{"a write of which nothing is known", &shop{}, touch, codes.OK, said{}},
		{"a write that the handler tells of", &shop{touch: do(t, func(ctx context.Context) error {
			return errFirst(origin.Invalidate(ctx, "a", "b"), origin.Invalidate(ctx), origin.Invalidate(ctx, "b", "c"))
		})}, touch, codes.OK, said{"", "", `"a", "b", "c"`}},
		{"a failed write that the handler tells of", &shop{update: func(ctx context.Context, _ *testv1.UpdateProductRequest) error {
			return errFirst(origin.Invalidate(ctx, "a"), status.Error(codes.NotFound, ""))
		}}, update, codes.NotFound, said{"", "", `"a"`}},
		{"too many groups of a write", &shop{update: func(ctx context.Context, _ *testv1.UpdateProductRequest) error {
			return origin.Invalidate(ctx, names(127, 3)...)
		}}, update, codes.OK, said{"", "", "*"}},
		{"a group of a write that is too long", &shop{touch: do(t, func(ctx context.Context) error {
			return origin.Invalidate(ctx, names(1, 257)...)
		})}, touch, codes.OK, said{"", "", "*"}},
		{"groups of a write that take too much room", &shop{touch: do(t, func(ctx context.Context) error {
			return origin.Invalidate(ctx, names(30, 250)...)
		})}, touch, codes.OK, said{"", "", "*"}},
		{"a streamed write", &shop{}, restock, codes.OK, said{"", "", `"product:7"`}},
		{"a streamed write that may have failed", &shop{restock: func(*testv1.RestockRequest, grpc.ServerStreamingServer[testv1.RestockResponse]) error {
			return status.Error(codes.Internal, "")
		}}, restock, codes.Internal, said{"", "", `"product:7"`}},
		{"a write that is streamed to", &shop{}, imports, codes.OK, said{"", "", `"product:7", "product:8"`}},
		{"a write that is streamed to and lost", &shop{imports: fails(codes.Internal)}, imports, codes.Internal, said{"", "", "*"}},
		{"a write that is streamed to and refused", &shop{imports: fails(codes.InvalidArgument)}, imports, codes.InvalidArgument, said{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t)
			client := dial(t, serve(t, tt.shop, o.ServerOptions()...), "a")
			var trailer metadata.MD
			if err := tt.call(t.Context(), client, grpc.Trailer(&trailer)); status.Code(err) != tt.code {
				t.Fatalf("got %v, want %v", err, tt.code)
			}
			tt.want.check(t, trailer)
		})
	}
}

func productsOf(ids []string) *testv1.ListProductsResponse {
	out := &testv1.ListProductsResponse{}
	for _, id := range ids {
		out.Products = append(out.Products, &testv1.Product{Id: id})
	}
	return out
}

// errFirst returns the first error that is one.
func errFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A handler may change the request it is given; groups are of the request that
// was sent.
func TestRequestChangedByTheHandler(t *testing.T) {
	s := &shop{update: func(_ context.Context, req *testv1.UpdateProductRequest) error {
		req.Product.Id = "other"
		return nil
	}, restock: func(req *testv1.RestockRequest, _ grpc.ServerStreamingServer[testv1.RestockResponse]) error {
		req.Id = "other"
		return nil
	}, get: func(_ context.Context, req *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		req.Id = "other"
		return &testv1.GetProductResponse{Serial: 4}, nil
	}}
	both, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy: {cache: {max_age: 60s, scope: PUBLIC, groups: ["{id}:{response.serial}"]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	o, _ := newOrigin(t, origin.WithPolicies(both))
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	for _, call := range []struct {
		do   caller
		want said
	}{
		{update, said{Untrue: `"product:7", "list"`}},
		{restock, said{Untrue: `"product:7"`}},
		{get, said{CacheControl: "max-age=60", Groups: `"7:4"`}},
	} {
		var trailer metadata.MD
		if err := call.do(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		call.want.check(t, trailer)
	}
}

// A panic that an interceptor turns into a status is an error, and leaves a write
// in doubt, whichever side of the Origin that interceptor is on.
func TestPanic(t *testing.T) {
	recoverer := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (reply any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = status.Error(codes.Internal, "panic")
			}
		}()
		return h(ctx, req)
	}
	s := &shop{
		update: func(context.Context, *testv1.UpdateProductRequest) error { panic("as told") },
		basket: func(context.Context) error { panic("as told") },
	}
	o, _ := newOrigin(t)
	for name, opts := range map[string][]grpc.ServerOption{
		"before": append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(recoverer)}, o.ServerOptions()...),
		"behind": append(o.ServerOptions(), grpc.ChainUnaryInterceptor(recoverer)),
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, serve(t, s, opts...), "a")
			var trailer metadata.MD
			if err := update(t.Context(), client, grpc.Trailer(&trailer)); status.Code(err) != codes.Internal {
				t.Fatalf("got %v, want INTERNAL", err)
			}
			said{Untrue: `"product:7", "list"`}.check(t, trailer)
			if err := basket(t.Context(), client, grpc.Trailer(&trailer)); status.Code(err) != codes.Internal {
				t.Fatalf("got %v, want INTERNAL", err)
			}
			said{}.check(t, trailer)
		})
	}
}

// A policy file stands in for annotations, and replaces them.
func TestPolicies(t *testing.T) {
	file, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/GetProduct
    policy: {cache: {max_age: 0.5s, scope: PUBLIC, groups: ["p:{id}"]}}
  - method: /freshet.test.v1.Shop/Touch
    policy: {cache: {max_age: 90.7s, assume_safe: true}}
  - method: /freshet.test.v1.Shop/UpdateProduct
    policy: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		opts []origin.Option
		call caller
		want said
	}{
		{"a lifetime under a second", []origin.Option{origin.WithPolicies(file)}, get, said{"", `"p:7"`, ""}},
		{"a lifetime that is no whole second", []origin.Option{origin.WithPolicies(file)}, touch, said{"private, max-age=90", "", ""}},
		{"a policy taken back", []origin.Option{origin.WithPolicies(file)}, update, said{}},
		{"an annotation beside the file", []origin.Option{origin.WithPolicies(file)}, create, said{"", "", `"product:new"`}},
		{"no annotations", []origin.Option{origin.WithoutAnnotations()}, get, said{}},
		{"no annotations, a file", []origin.Option{origin.WithoutAnnotations(), origin.WithPolicies(file)}, create, said{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t, tt.opts...)
			client := dial(t, serve(t, &shop{}, o.ServerOptions()...), "a")
			var trailer metadata.MD
			if err := tt.call(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			tt.want.check(t, trailer)
		})
	}
}

// Peers that accept 8 KiB of trailers, which is to become grpc-go's default, are
// not sent more.
func TestRoomInTheTrailer(t *testing.T) {
	for _, n := range []int{22, 23, 24, 25, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ids := strings.Fields(longNames(n))
			for i := range ids {
				ids[i] = ids[i][10:] // and "product:"
			}
			s := &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) { return productsOf(ids), nil }}
			o, _ := newOrigin(t)
			client := dial(t, serve(t, s, o.ServerOptions()...), "a", grpc.WithMaxHeaderListSize(8<<10))
			var trailer metadata.MD
			if err := list(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			got := saidIn(trailer)
			if fits := n <= 24; fits != (got.Groups != "") || fits != (got.CacheControl == "max-age=60") {
				t.Errorf("got %d bytes of groups and %q for %d groups", len(got.Groups), got.CacheControl, n)
			}
		})
	}
}
