package cache_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/allegro/bigcache/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func catalogue(parts int) *testv1.GetProductResponse {
	p := &testv1.Product{Id: "1", Name: "a product", Kind: testv1.Kind_KIND_BOOK, Price: 1999, Tags: []string{"new", "sale"}}
	for i := range parts {
		p.Parts = append(p.Parts, &testv1.Product_Part{Name: fmt.Sprintf("part %d", i), Count: int32(i), Parts: []*testv1.Product_Part{{Name: "within", Count: 1}}})
	}
	return &testv1.GetProductResponse{Serial: 1, Product: p}
}

// prefilled returns an interceptor with reply stored, and how to call it.
func prefilled(tb testing.TB, reply *testv1.GetProductResponse) func(*testv1.GetProductResponse) error {
	tb.Helper()
	c, err := cache.New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	unary := c.UnaryClientInterceptor()
	req := &testv1.GetProductRequest{Id: "1"}
	invoker := func(_ context.Context, _ string, _, out any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		proto.Merge(out.(proto.Message), reply)
		return nil
	}
	ctx := context.Background()
	call := func(out *testv1.GetProductResponse) error {
		return unary(ctx, testv1.Shop_GetProduct_FullMethodName, req, out, nil, invoker)
	}
	if err := call(&testv1.GetProductResponse{}); err != nil {
		tb.Fatal(err)
	}
	return call
}

// BenchmarkHit is a hit beside its floor: BigCache's Get and the decoding that
// the network path pays too.
func BenchmarkHit(b *testing.B) {
	for _, parts := range []int{3, 30, 300} {
		reply := catalogue(parts)
		body, err := proto.Marshal(reply)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dB/cache", len(body)), func(b *testing.B) {
			call := prefilled(b, reply)
			b.ReportAllocs()
			for b.Loop() {
				if err := call(&testv1.GetProductResponse{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dB/bigcache+unmarshal", len(body)), func(b *testing.B) {
			bc, err := bigcache.New(context.Background(), bigcache.Config{Shards: 64, LifeWindow: 1 << 40, MaxEntrySize: 500, HardMaxCacheSize: 64})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = bc.Close() }()
			key := "0123456789abcdef0123456789abcdef"
			if err := bc.Set(key, body); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				v, err := bc.Get(key)
				if err != nil {
					b.Fatal(err)
				}
				if err := proto.Unmarshal(v, &testv1.GetProductResponse{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUnlisted is what the interceptor costs methods that it has no rule
// for, beside an interceptor that does nothing.
func BenchmarkUnlisted(b *testing.B) {
	c, err := cache.New()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	invoker := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	nothing := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoker(ctx, method, req, reply, cc, opts...)
	}
	for name, unary := range map[string]grpc.UnaryClientInterceptor{"cache": c.UnaryClientInterceptor(), "nothing": nothing} {
		for _, method := range []string{testv1.Shop_Peek_FullMethodName, testv1.Shop_Touch_FullMethodName} {
			b.Run(method+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = unary(context.Background(), method, nil, nil, nil, invoker)
				}
			})
		}
	}
}

// TestAllocations pins what the interceptor allocates beside the decoding.
func TestAllocations(t *testing.T) {
	reply := &testv1.GetProductResponse{Serial: 1}
	body, err := proto.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	call := prefilled(t, reply)
	hit := testing.AllocsPerRun(200, func() { _ = call(&testv1.GetProductResponse{}) })
	decode := testing.AllocsPerRun(200, func() { _ = proto.Unmarshal(body, &testv1.GetProductResponse{}) })
	if over := hit - decode; over > 12 {
		t.Errorf("a hit allocates %v beside decoding's %v, want at most 12", over, decode)
	} else {
		t.Logf("a hit allocates %v beside decoding's %v", over, decode)
	}

	c, err := cache.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	unary := c.UnaryClientInterceptor()
	invoker := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	ctx := context.Background()
	if n := testing.AllocsPerRun(200, func() {
		_ = unary(ctx, testv1.Shop_Peek_FullMethodName, nil, nil, nil, invoker)
	}); n != 0 {
		t.Errorf("an unlisted safe method allocates %v, want 0", n)
	}
}
