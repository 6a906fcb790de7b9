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
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// word is something that a handler says is untrue.
type word func(context.Context) error

func hard(groups ...string) word {
	return func(ctx context.Context) error { return origin.Invalidate(ctx, groups...) }
}

func soft(groups ...string) word {
	return func(ctx context.Context) error { return origin.InvalidateSoft(ctx, groups...) }
}

func below(v uint64, groups ...string) word {
	return func(ctx context.Context) error { return origin.InvalidateVersion(ctx, v, groups...) }
}

// A method's annotation names product:7 and list, which may be soft.
func TestUntrue(t *testing.T) {
	many := make([]string, 128)
	for i := range many {
		many[i] = fmt.Sprintf("%030d", i)
	}
	softly, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/UpdateProduct
    policy: {invalidates: {groups: ["product:{product.id}", "list"], soft: true}}
  - method: /freshet.test.v1.Shop/CreateProduct
    policy: {invalidates: {groups: ["product:{response.product.id}"], soft: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	asSoft := []origin.Option{origin.WithPolicies(softly)}
	const annotated, annotatedSoft = `"product:7", "list"`, `"product:7";soft, "list";soft`
	tests := []struct {
		name  string
		opts  []origin.Option
		call  caller
		words []word
		code  codes.Code
		want  string
	}{
		{"versions", nil, touch, []word{below(10, "a", "b"), below(wire.MaxVersion, "c")}, codes.OK, `"a";v=10, "b";v=10, "c";v=999999999999999`},
		{"two versions of a group", nil, touch, []word{below(10, "a"), below(12, "a"), below(11, "a")}, codes.OK, `"a";v=12`},
		{"all versions and one", nil, touch, []word{hard("a"), below(12, "a", "b"), hard("b")}, codes.OK, `"a", "b"`},
		{"soft", nil, touch, []word{soft("a", "b"), soft("a")}, codes.OK, `"a";soft, "b";soft`},
		{"soft and hard", nil, touch, []word{soft("a"), hard("a", "b"), soft("b")}, codes.OK, `"a", "b"`},
		{"soft, and hard below a version", nil, touch, []word{below(12, "a"), soft("a", "b"), below(12, "b")}, codes.OK, `"a";v=12, "a";soft, "b";soft, "b";v=12`},
		{"as many as fit", nil, touch, []word{below(1, many...)}, codes.OK, `"` + strings.Join(many, `";v=1, "`) + `";v=1`},
		{"one too many", nil, touch, []word{below(1, many...), soft("a")}, codes.OK, "*"},
		{"too much room for a version", nil, touch, []word{below(wire.MaxVersion, many...)}, codes.OK, "*"},

		{"a version of what the annotation names", nil, update, []word{below(10, "product:7")}, codes.OK, `"product:7";v=10, "list"`},
		{"that, and it may have failed", nil, update, []word{below(10, "product:7")}, codes.Internal, annotated},
		{"that, and it certainly failed", nil, update, []word{below(10, "product:7")}, codes.NotFound, `"product:7";v=10`},
		{"that of another group", nil, update, []word{below(10, "product:8")}, codes.OK, `"product:8";v=10, ` + annotated},
		{"soft what the annotation names", nil, update, []word{soft("list")}, codes.OK, annotated},

		{"a soft annotation", asSoft, update, nil, codes.OK, annotatedSoft},
		{"a soft annotation of a write that certainly failed", asSoft, update, nil, codes.AlreadyExists, ""},
		{"a soft annotation of a write that may have failed", asSoft, update, nil, codes.Unknown, annotatedSoft},
		{"a soft annotation with the reply", asSoft, create, nil, codes.OK, `"product:new";soft`},
		{"a soft annotation without the reply", asSoft, create, nil, codes.Unavailable, "*"},
		{"hard what the annotation names softly", asSoft, update, []word{hard("list")}, codes.OK, `"list", "product:7";soft`},
		{"a version of what the annotation names softly", asSoft, update, []word{below(10, "list")}, codes.OK, `"list";v=10, "product:7";soft`},
		{"that, and it may have failed, softly", asSoft, update, []word{below(10, "list")}, codes.Internal, `"list";v=10, ` + annotatedSoft},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			says := func(ctx context.Context) error {
				for _, w := range tt.words {
					if err := w(ctx); err != nil {
						t.Error(err)
					}
				}
				return status.Error(tt.code, "as told")
			}
			s := &shop{touch: says, update: func(ctx context.Context, _ *testv1.UpdateProductRequest) error { return says(ctx) }, create: func(ctx context.Context) (*testv1.CreateProductResponse, error) {
				return &testv1.CreateProductResponse{Product: &testv1.Product{Id: "new"}}, says(ctx)
			}}
			o, _ := newOrigin(t, tt.opts...)
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			var trailer metadata.MD
			if err := tt.call(t.Context(), client, grpc.Trailer(&trailer)); status.Code(err) != tt.code {
				t.Fatalf("got %v, want %v", err, tt.code)
			}
			said{Untrue: tt.want}.check(t, trailer)
			if tt.want == "*" || tt.want == "" {
				return
			}
			if _, err := wire.ParseGroupList(trailer[wire.KeyCacheGroupInvalidation]); err != nil {
				t.Error(err)
			}
		})
	}
}

// An invalidation whose version is a slip is not lost.
func TestInvalidateVersionOutOfBounds(t *testing.T) {
	for _, v := range []uint64{0, wire.MaxVersion + 1} {
		var err error
		s := &shop{touch: func(ctx context.Context) error { err = origin.InvalidateVersion(ctx, v, "a"); return nil }}
		o, _ := newOrigin(t)
		client := dial(t, serve(t, s, o.ServerOptions()...), "a")
		var trailer metadata.MD
		if err := touch(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		if err == nil || !strings.Contains(err.Error(), "InvalidateVersion: a version must be from 1 to") {
			t.Errorf("%d: got %v, want an error about the version", v, err)
		}
		said{Untrue: `"a"`}.check(t, trailer)
	}
}

func TestInvalidateOnASafeMethod(t *testing.T) {
	for name, w := range map[string]word{"Invalidate": hard("a"), "InvalidateSoft": soft("a"), "InvalidateVersion": below(1, "a")} {
		t.Run(name, func(t *testing.T) {
			var err error
			s := &shop{peek: func(ctx context.Context) error { err = w(ctx); return nil }}
			o, _ := newOrigin(t)
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			var trailer metadata.MD
			if err := peek(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			if err == nil || !strings.Contains(err.Error(), "origin: "+name+": a method without side effects") {
				t.Errorf("got %v, want an error about side effects", err)
			}
			said{}.check(t, trailer)
		})
	}
}
