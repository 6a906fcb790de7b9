package cache_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestFreshUntilItsLifetimeEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		pass(60*time.Second - time.Nanosecond)
		r.want("1", cache.Hit, 1)
		pass(time.Nanosecond) // RFC 9111 section 4.2: fresh iff lifetime > age
		r.want("1", cache.Miss, 2)
		r.want("2", cache.Miss, 3)
		s := r.cache.Stats()
		if s.Hits != 1 || s.Misses != 3 || s.Calls != 4 || s.OriginCalls != 3 || s.Stores != 3 || s.Entries != 2 || s.Bytes == 0 {
			t.Errorf("unexpected stats %+v", s)
		}
	})
}

// Age counts from the start of the request: RFC 9111 section 4.2.3.
func TestAgeCountsFromTheRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			take(20 * time.Second)
			return &testv1.GetProductResponse{Serial: r.shop.calls.Load()}, nil
		}
		r.want("1", cache.Miss, 1)
		pass(39 * time.Second)
		_, out := r.get("1")
		if out.Result != cache.Hit || out.Age != 59*time.Second || out.Lifetime != time.Minute {
			t.Errorf("got %+v, want a hit of age 59s and lifetime 1m", out)
		}
		pass(time.Second)
		r.want("1", cache.Miss, 2)
	})
}

func TestServersShortenAndNeverLengthen(t *testing.T) {
	for _, tt := range []struct {
		name     string
		said     metadata.MD
		trailed  metadata.MD
		lifetime time.Duration // 0: not reused
	}{
		{name: "nothing said", lifetime: time.Minute},
		{name: "shorter", said: metadata.Pairs("cache-control", "max-age=10"), lifetime: 10 * time.Second},
		{name: "longer", said: metadata.Pairs("cache-control", "max-age=3600"), lifetime: time.Minute},
		{name: "in the trailer", trailed: metadata.Pairs("cache-control", "max-age=10"), lifetime: 10 * time.Second},
		{name: "in both", said: metadata.Pairs("cache-control", "max-age=30"), trailed: metadata.Pairs("cache-control", "max-age=10"), lifetime: 10 * time.Second},
		{name: "already aged", said: metadata.Pairs("cache-control", "max-age=10", "age", "6"), lifetime: 4 * time.Second},
		{name: "s-maxage under PUBLIC", said: metadata.Pairs("cache-control", "max-age=1, s-maxage=20"), lifetime: 20 * time.Second},
		{name: "targeted", said: metadata.Pairs("cache-control", "no-store", "rpc-cache-control", "max-age=20"), lifetime: 20 * time.Second},
		{name: "zero", said: metadata.Pairs("cache-control", "max-age=0")},
		{name: "no-store", said: metadata.Pairs("cache-control", "nO-StOrE, max-age=3600")},
		{name: "no-cache", said: metadata.Pairs("cache-control", "no-cache, max-age=3600")},
		{name: "private under PUBLIC", said: metadata.Pairs("cache-control", "private")},
		{name: "malformed", said: metadata.Pairs("cache-control", "max-age=3600.5")},
		{name: "vary by what the rule does not name", said: metadata.Pairs("vary", "accept-language")},
		{name: "vary by everything", said: metadata.Pairs("vary", "*")},
		{name: "malformed groups", said: metadata.Pairs("cache-groups", "not a list of strings")},
		{name: "too many groups", said: metadata.MD{"cache-groups": slices.Repeat([]string{`"a", "b"`}, 65)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.shop.said, r.shop.trailed = tt.said, tt.trailed
				r.want("1", cache.Miss, 1)
				if tt.lifetime == 0 {
					r.want("1", cache.Miss, 2)
					return
				}
				pass(tt.lifetime - time.Nanosecond)
				r.want("1", cache.Hit, 1)
				pass(time.Nanosecond)
				r.want("1", cache.Miss, 2)
			})
		})
	}
}

// A method whose default_max_age is zero is reused only as its server says.
func TestNoLifetimeWithoutTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		quote := func() int64 {
			resp, err := r.client.GetQuote(t.Context(), &testv1.GetQuoteRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return resp.GetSerial()
		}
		if a, b := quote(), quote(); a == b {
			t.Error("reused a reply without a lifetime")
		}
		r.shop.said = metadata.Pairs("cache-control", "max-age=5")
		if a, b := quote(), quote(); a != b {
			t.Error("did not reuse a reply with a lifetime")
		}
	})
}

// A short-circuiting interceptor owes its caller what grpc would have done.
func TestHitServesTheCallersOptions(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.said = metadata.Pairs("x-one", "1", "x-one", "2", "x-bin", "\x00\xff", "grpc-retry-pushback-ms", "7", "set-cookie", "me", "age", "3")
		r.shop.trailed = metadata.Pairs("x-end", "z", "freshet-load-bin", "load")
		type seen struct {
			header, trailer metadata.MD
			peer            peer.Peer
			finished        []error
		}
		call := func() seen {
			var s seen
			r.get("1", grpc.Header(&s.header), grpc.Trailer(&s.trailer), grpc.Peer(&s.peer), grpc.OnFinish(func(err error) { s.finished = append(s.finished, err) }))
			return s
		}
		miss := call()
		pass(5 * time.Second)
		hit := call()
		for _, s := range []seen{miss, hit} {
			if got := s.header["x-one"]; !slices.Equal(got, []string{"1", "2"}) {
				t.Errorf("x-one: got %q", got)
			}
			if got := s.header["x-bin"]; !slices.Equal(got, []string{"\x00\xff"}) {
				t.Errorf("x-bin: got %q", got)
			}
			if got := s.trailer["x-end"]; !slices.Equal(got, []string{"z"}) {
				t.Errorf("x-end: got %q", got)
			}
			if len(s.finished) != 1 || s.finished[0] != nil {
				t.Errorf("OnFinish: got %v, want one call with nil", s.finished)
			}
		}
		for _, k := range []string{"grpc-retry-pushback-ms", "set-cookie", "freshet-load-bin"} {
			if len(hit.header[k])+len(hit.trailer[k]) > 0 {
				t.Errorf("a hit replays %s", k)
			}
		}
		if got := hit.header["age"]; !slices.Equal(got, []string{"8"}) {
			t.Errorf("age: got %q, want 3 on arrival and 5 here", got)
		}
		if got, want := hit.header["cache-status"], []string{"freshet; hit; ttl=52"}; !slices.Equal(got, want) {
			t.Errorf("cache-status of a hit: got %q, want %q", got, want)
		}
		if got, want := miss.header["cache-status"], []string{"freshet; fwd=uri-miss; fwd-status=0; stored; ttl=57"}; !slices.Equal(got, want) {
			t.Errorf("cache-status of a miss: got %q, want %q", got, want)
		}
		if miss.peer.Addr == nil || miss.peer.Addr.Network() == "freshet" {
			t.Errorf("peer of a miss: got %v", miss.peer.Addr)
		}
		if a := hit.peer.Addr; a == nil || a.Network() != "freshet" || a.String() != "cache" {
			t.Errorf("peer of a hit: got %v", a)
		}
	})
}

func TestCallersOwnTheirMetadata(t *testing.T) {
	r := newRig(t)
	r.shop.said = metadata.Pairs("x-one", "1")
	for range 3 {
		var header metadata.MD
		r.get("1", grpc.Header(&header))
		if got := header.Get("x-one"); len(got) != 1 || got[0] != "1" {
			t.Fatalf("x-one: got %q", got)
		}
		header.Set("x-one", "changed")
		header["x-one"][0] = "changed"
	}
}

func TestCollapsedCallersOwnTheirMetadata(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(time.Second)
		r.shop.said, r.shop.trailed = metadata.Pairs("x-one", "1"), metadata.Pairs("x-end", "1")
		var headers, trailers [3]metadata.MD
		var calls []<-chan answer
		for i := range headers {
			calls = append(calls, r.start(t.Context(), grpc.Header(&headers[i]), grpc.Trailer(&trailers[i])))
		}
		for i, c := range calls {
			<-c
			if headers[i]["x-one"][0] != "1" || trailers[i]["x-end"][0] != "1" {
				t.Errorf("caller %d: got %v, %v", i, headers[i], trailers[i])
			}
			headers[i]["x-one"][0], trailers[i]["x-end"][0] = "changed", "changed"
		}
	})
}

func TestEndedContextsGetTheirError(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var finished error
	_, out, err := r.tryGet(ctx, "1", grpc.OnFinish(func(err error) { finished = err }))
	if status.Code(err) != codes.Canceled || out.Result != cache.Error || status.Code(finished) != codes.Canceled {
		t.Errorf("got %v, %v, OnFinish(%v); want CANCELLED for a stored reply too", err, out.Result, finished)
	}
	if s := r.cache.Stats(); s.Errors != 1 {
		t.Errorf("got %d errors, want 1", s.Errors)
	}
}

// A hit larger than the call's limit fails as it would from the network.
func TestReceiveLimitAppliesToHits(t *testing.T) {
	r := newRig(t)
	_, _, fromNetwork := r.tryGet(t.Context(), "1", grpc.MaxCallRecvMsgSize(3))
	r.want("1", cache.Miss, 2)
	_, _, fromStore := r.tryGet(t.Context(), "1", grpc.MaxCallRecvMsgSize(3))
	if fromNetwork == nil || fromStore == nil || fromNetwork.Error() != fromStore.Error() {
		t.Errorf("from the network %v, from the store %v", fromNetwork, fromStore)
	}
	r.want("1", cache.Hit, 2)
}

// The message returned equals the origin's, whatever callers do to theirs.
func TestMessagesAreEqualAndOwned(t *testing.T) {
	r := newRig(t)
	extra, err := anypb.New(wrapperspb.String("extra"))
	if err != nil {
		t.Fatal(err)
	}
	original := &testv1.GetProductResponse{Serial: 7, Product: &testv1.Product{
		Id: "1", Kind: testv1.Kind_KIND_TOY, SoldOut: proto.Bool(false), Picture: []byte{0, 0xff},
		Tags: []string{"x", ""}, Numbers: []int32{0, -1}, Extra: extra, Weight: -0.5,
		Parts:  []*testv1.Product_Part{{Name: "p", Parts: []*testv1.Product_Part{{Count: 3}}}, {}},
		Notes:  map[string]string{"en": "good", "": ""},
		Places: map[int32]*testv1.Product_Part{4: {Name: "four"}, 0: {}},
		Size:   &testv1.Product_Millimetres{},
	}}
	original.Product.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 0x01}) // field 2047
	original.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 0x02})
	r.shop.getProduct = func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return proto.CloneOf(original), nil
	}
	for range 3 {
		reply := &testv1.GetProductResponse{Serial: 99, Product: &testv1.Product{Name: "left over"}}
		if err := r.conn.Invoke(t.Context(), testv1.Shop_GetProduct_FullMethodName, &testv1.GetProductRequest{}, reply); err != nil {
			t.Fatal(err)
		}
		equal(t, reply, original)
		reply.Serial = 0
		reply.Product.Tags[0], reply.Product.Picture[0], reply.Product.Numbers[0] = "changed", 9, 9
		reply.Product.Parts[0].Parts[0].Count = 9
		reply.Product.Notes["en"], reply.Product.Places[4].Name = "changed", "changed"
		reply.Product.Extra.Value[0]++
		proto.Reset(reply.Product)
	}
	if s := r.cache.Stats(); s.Hits != 2 {
		t.Errorf("got %d hits, want 2", s.Hits)
	}
}
