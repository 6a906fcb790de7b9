package cache_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/allegro/bigcache/v3"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
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

// way is one way in which a hit is answered.
type way struct {
	name string
	rule string
	max  int64
}

var ways = []way{
	{"decoded", "max_age: 3600s", 64 << 20},
	{"shared", "max_age: 3600s, shared_reply: true", 64 << 20},
	{"bytes", "max_age: 3600s", leastDecoded - 1},
}

// leastDecoded is the smallest cache with a decoded tier.
const leastDecoded = 8 << 20

// prefilled returns an interceptor with reply stored, and how to call it, with
// telemetry off.
func prefilled(tb testing.TB, reply *testv1.GetProductResponse, w way) func(*testv1.GetProductResponse) error {
	tb.Helper()
	set, err := cachepolicy.Parse("test.yaml", fmt.Appendf(nil, `methods:
- method: /freshet.test.v1.Shop/GetProduct
  policy: {cache: {scope: PUBLIC, groups: ["product:{id}"], %s}}
`, w.rule))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := cache.New(cache.WithMaxBytes(w.max), cache.WithPolicies(set),
		cache.WithTracerProvider(tracenoop.NewTracerProvider()), cache.WithMeterProvider(metricnoop.NewMeterProvider()))
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
	for range 4 {
		if err := call(&testv1.GetProductResponse{}); err != nil {
			tb.Fatal(err)
		}
	}
	if s := c.Stats(); (s.DecodedHits > 0) != (w.max >= leastDecoded) {
		tb.Fatalf("%s: got %+v", w.name, s)
	}
	return call
}

// BenchmarkHit is a hit, in each way, beside its floor: BigCache's Get and the
// decoding that the network path pays too. Each iteration does all of them in turn, so that
// what disturbs one disturbs the others; the ratios are to the floor.
func BenchmarkHit(b *testing.B) {
	for _, parts := range []int{3, 40, 400, 4000} {
		reply := catalogue(parts)
		body, err := proto.Marshal(reply)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dB", len(body)), func(b *testing.B) {
			bc, err := bigcache.New(context.Background(), bigcache.Config{Shards: 64, LifeWindow: 1 << 40, MaxEntrySize: 500, HardMaxCacheSize: 64})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = bc.Close() }()
			key := "0123456789abcdef0123456789abcdef"
			if err := bc.Set(key, body); err != nil {
				b.Fatal(err)
			}
			calls := []func(){func() {
				v, err := bc.Get(key)
				if err == nil {
					err = proto.Unmarshal(v, &testv1.GetProductResponse{})
				}
				if err != nil {
					b.Fatal(err)
				}
			}}
			for _, w := range ways {
				call := prefilled(b, reply, w)
				calls = append(calls, func() {
					if err := call(&testv1.GetProductResponse{}); err != nil {
						b.Fatal(err)
					}
				})
			}
			// Enough at a time for a clock reading, and the caches of the processor, not to matter.
			batch := max(20, 20000/len(body))
			took := make([]time.Duration, len(calls))
			n := 0
			for b.Loop() {
				for i, call := range calls {
					begun := time.Now()
					for range batch {
						call()
					}
					took[i] += time.Since(begun)
				}
				n += batch
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(n), "floor-ns/op")
			for i, w := range ways {
				b.ReportMetric(float64(took[i+1].Nanoseconds())/float64(n), w.name+"-ns/op")
				b.ReportMetric(float64(took[i+1])/float64(took[0]), w.name+"/floor")
			}
			b.ReportMetric(0, "ns/op")
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
	if raceDetector {
		t.Skip("pools drop at random under the race detector")
	}
	reply := &testv1.GetProductResponse{Serial: 1}
	body, err := proto.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	call := prefilled(t, reply, way{"bytes", "max_age: 3600s", 1 << 20})
	hit := testing.AllocsPerRun(200, func() { _ = call(&testv1.GetProductResponse{}) })
	decode := testing.AllocsPerRun(200, func() { _ = proto.Unmarshal(body, &testv1.GetProductResponse{}) })
	if over := hit - decode; over > 2 {
		t.Errorf("a hit allocates %v beside decoding's %v, want at most 2", over, decode)
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
