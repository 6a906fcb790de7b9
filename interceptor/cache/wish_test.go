package cache_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestCallOptionsTighten(t *testing.T) {
	for _, tt := range []struct {
		name string
		aged time.Duration
		opts []grpc.CallOption
		want cache.Result
	}{
		{"max-age met", 10 * time.Second, []grpc.CallOption{cache.MaxAge(10 * time.Second)}, cache.Hit},
		{"max-age not met", 11 * time.Second, []grpc.CallOption{cache.MaxAge(10 * time.Second)}, cache.Miss},
		{"max-age of zero", 0, []grpc.CallOption{cache.MaxAge(0)}, cache.Miss},
		{"negative max-age", 0, []grpc.CallOption{cache.MaxAge(-1)}, cache.Miss},
		{"the smaller of two max-ages", 11 * time.Second, []grpc.CallOption{cache.MaxAge(10 * time.Second), cache.MaxAge(time.Hour)}, cache.Miss},
		{"max-age cannot relax the bound", 61 * time.Second, []grpc.CallOption{cache.MaxAge(time.Hour)}, cache.Miss},
		{"min-fresh met", 30 * time.Second, []grpc.CallOption{cache.MinFresh(30 * time.Second)}, cache.Hit},
		{"min-fresh not met", 31 * time.Second, []grpc.CallOption{cache.MinFresh(30 * time.Second)}, cache.Miss},
		{"no-cache", 0, []grpc.CallOption{cache.NoCache()}, cache.Miss},
		{"no-store is answered from the store", 0, []grpc.CallOption{cache.NoStore()}, cache.Hit},
		{"only-if-cached", 59 * time.Second, []grpc.CallOption{cache.OnlyIfCached()}, cache.Hit},
		{"only-if-cached of what is stale", 60 * time.Second, []grpc.CallOption{cache.OnlyIfCached()}, cache.Error},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.want("1", cache.Miss, 1)
				pass(tt.aged)
				_, out, err := r.tryGet(t.Context(), "1", tt.opts...)
				if out.Result != tt.want || (err != nil) != (tt.want == cache.Error) {
					t.Errorf("got %v, %v (%s), want %v", out.Result, err, out.CacheStatus, tt.want)
				}
			})
		})
	}
}

// What a caller asks by request metadata counts like its call options.
func TestRequestDirectivesTighten(t *testing.T) {
	for _, tt := range []struct {
		directives string
		want       cache.Result
	}{
		{"max-age=10", cache.Hit},
		{"max-age=9", cache.Miss},
		{"max-age=9.5", cache.Miss},
		{"min-fresh=51", cache.Miss},
		{"no-cache", cache.Miss},
		{"max-stale=9", cache.Hit},
	} {
		t.Run(tt.directives, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.want("1", cache.Miss, 1)
				pass(10 * time.Second)
				ctx := metadata.AppendToOutgoingContext(t.Context(), "cache-control", tt.directives)
				if _, out, err := r.tryGet(ctx, "1"); err != nil || out.Result != tt.want {
					t.Errorf("got %v, %v, want %v", out.Result, err, tt.want)
				}
			})
		})
	}
}

func TestNoCacheReplacesWhatIsStored(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.want("1", cache.Miss, 2, cache.NoCache())
	r.want("1", cache.Hit, 2)
}

func TestNoStoreStoresNothing(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1, cache.NoStore())
	r.want("1", cache.Miss, 2)
	if s := r.cache.Stats(); s.Stores != 1 {
		t.Errorf("got %d stores, want 1", s.Stores)
	}
}

func TestOnlyIfCachedAsksNobody(t *testing.T) {
	r := newRig(t)
	_, out, err := r.tryGet(t.Context(), "1", cache.OnlyIfCached())
	st := status.Convert(err)
	if st.Code() != codes.Unavailable || out.Result != cache.Error || r.shop.calls.Load() != 0 {
		t.Fatalf("got %v, %v after %d calls; want UNAVAILABLE after none", err, out.Result, r.shop.calls.Load())
	}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() == cache.ReasonOnlyIfCachedMiss && info.GetDomain() == cache.ErrorDomain {
			return
		}
	}
	t.Errorf("no ErrorInfo in %v", st.Details())
}

func TestCallersOwnConditionsBypass(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "if-none-match", `"abc"`)
	serial, out, err := r.tryGet(ctx, "1")
	if err != nil || serial != 2 || out.Result != cache.Bypass || out.Detail != "if-none-match" {
		t.Errorf("got %d, %+v, %v; want the origin's answer", serial, out, err)
	}
	r.want("1", cache.Hit, 1)
}

// jsonish is protobuf under another name.
type jsonish struct{ encoding.CodecV2 }

func (jsonish) Name() string { return "jsonish" }

func TestOtherCodecsBypass(t *testing.T) {
	r := newRig(t)
	proto := encoding.GetCodecV2("proto")
	r.want("1", cache.Miss, 1, grpc.ForceCodecV2(proto))
	r.want("1", cache.Hit, 1, grpc.CallContentSubtype("proto"))
	encoding.RegisterCodecV2(jsonish{proto})
	_, out, err := r.tryGet(t.Context(), "1", grpc.CallContentSubtype("jsonish"))
	if err != nil || out.Result != cache.Bypass || out.Detail != "codec" {
		t.Errorf("got %+v, %v; want a bypass for the codec", out, err)
	}
	_, out, err = r.tryGet(t.Context(), "1", grpc.ForceCodecV2(jsonish{proto}))
	if err != nil || out.Result != cache.Bypass {
		t.Errorf("got %+v, %v; want a bypass for the codec", out, err)
	}
}

func TestMethodsWithoutARulePass(t *testing.T) {
	r := newRig(t)
	for i := range int64(2) {
		var out cache.Outcome
		resp, err := r.client.Peek(t.Context(), &testv1.PeekRequest{}, cache.Report(&out))
		if err != nil || resp.GetSerial() != i+1 || out.Result != cache.Bypass {
			t.Errorf("got %v, %+v, %v", resp, out, err)
		}
	}
	if s := r.cache.Stats(); s.Calls != 0 {
		t.Errorf("got %d calls, want none counted", s.Calls)
	}
}

func TestClosedCachePasses(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	if err := r.cache.Close(); err != nil {
		t.Fatal(err)
	}
	r.want("1", cache.Bypass, 2)
	r.cache.Invalidate("product:1")
	if _, err := r.client.UpdateProduct(t.Context(), &testv1.UpdateProductRequest{}); err != nil {
		t.Error(err)
	}
	if err := r.cache.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestBadOptionsAreAllNamed(t *testing.T) {
	_, err := cache.New(cache.WithMaxBytes(5), cache.WithFetchTimeout(0), cache.WithWriteDoubt(-1))
	want := "cache: WithFetchTimeout must be greater than 0s, got 0s\n" +
		"cache: WithWriteDoubt must be at least 0s, got -1ns\n" +
		"cache: WithMaxBytes must be at least 1048576, got 5"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestCacheWithoutConnection(t *testing.T) {
	r := newRig(t)
	unary := r.cache.UnaryClientInterceptor()
	invoker := func(_ context.Context, _ string, _, reply any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		reply.(*testv1.GetProductResponse).Serial = 5 // makes the reply itself: no codec is asked
		return nil
	}
	for range 2 {
		reply := &testv1.GetProductResponse{}
		err := unary(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{}, reply, nil, invoker)
		if err != nil || reply.GetSerial() != 5 {
			t.Fatalf("got %v, %v", reply, err)
		}
	}
	if s := r.cache.Stats(); s.Hits != 1 || s.Misses != 1 {
		t.Errorf("got %+v, want a miss and a hit", s)
	}
}
