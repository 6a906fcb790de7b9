package cache_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func (r *rig) update(id string) error {
	_, err := r.client.UpdateProduct(r.t.Context(), &testv1.UpdateProductRequest{Product: &testv1.Product{Id: id}})
	return err
}

func TestOwnWritesAreSeen(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.want("2", cache.Miss, 2)
	if err := r.update("1"); err != nil {
		t.Fatal(err)
	}
	_, out := r.get("1")
	if out.Result != cache.Miss || !contains(out.CacheStatus, "fwd=miss") {
		t.Errorf("got %+v, want a miss for what was written", out)
	}
	r.want("2", cache.Hit, 2)
}

// The write is applied before its caller can learn of its end, in whatever way.
func TestOwnWritesAreAppliedBeforeTheirEnd(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	_, err := r.client.UpdateProduct(t.Context(), &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "1"}},
		grpc.OnFinish(func(error) { r.want("1", cache.Miss, 3) }))
	if err != nil {
		t.Fatal(err)
	}
}

func TestReplyNamesWhatAWriteChanged(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.want("2", cache.Miss, 2)
	if _, err := r.client.CreateProduct(t.Context(), &testv1.CreateProductRequest{Name: "1"}); err != nil {
		t.Fatal(err)
	}
	r.want("2", cache.Hit, 2)
	r.want("1", cache.Miss, 4)
}

func TestGroupsOfTheReply(t *testing.T) {
	r := newRig(t)
	list := func() int64 {
		resp, err := r.client.ListProducts(t.Context(), &testv1.ListProductsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetSerial()
	}
	first := list()
	r.cache.Invalidate("product:3")
	if got := list(); got != first {
		t.Error("an invalidation of another product made the list untrue")
	}
	r.cache.Invalidate("product:2")
	if got := list(); got == first {
		t.Error("the list was reused although a product in it had changed")
	}
	second := list()
	r.cache.Invalidate("list")
	if got := list(); got == second {
		t.Error("the list was reused although it had been invalidated")
	}
}

// A fill that raced an invalidation is harmless whenever it lands.
func TestFillRacingAnInvalidation(t *testing.T) {
	wait := map[string]time.Duration{
		"by the application": time.Second, "by an own write": time.Second, "by group in reply": 2 * time.Second,
	}
	for name, invalidate := range map[string]func(*rig){
		"by the application": func(r *rig) { r.cache.Invalidate("product:1") },
		"by an own write":    func(r *rig) { _ = r.update("1") },
		"by group in reply":  func(r *rig) { r.cache.Invalidate("other") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.shop.trailed = metadata.Pairs("cache-groups", `"other"`)
				r.slow(time.Second)
				begun := r.start(t.Context())
				invalidate(r)
				later := r.start(t.Context())
				a := <-begun // its call began before: it may have what it fetched
				if a.err != nil || a.out.Stored || a.out.Detail != "invalidated" {
					t.Errorf("got %+v, want a reply that is not stored", a)
				}
				b := <-later
				if b.err != nil || b.serial == a.serial {
					t.Errorf("a call that began after the invalidation got %+v from before it", b)
				}
				// Where the request names the group, nobody waits for a flight
				// that cannot be for it.
				if want := wait[name]; b.at != want {
					t.Errorf("the later call took %v, want %v", b.at, want)
				}
				_, out := r.get("1")
				if out.Result != cache.Hit {
					t.Errorf("got %+v, want what the later call fetched", out)
				}
			})
		})
	}
}

func TestInvalidationsOfReplies(t *testing.T) {
	trailed := metadata.Pairs("cache-group-invalidation", `"product:1"`)
	for _, tt := range []struct {
		name        string
		call        func(*rig) error
		said        metadata.MD
		trailed     metadata.MD
		one, two    cache.Result
		flushes     uint64
		expectError bool
	}{
		{name: "unknown safety, trailer", call: touch, trailed: trailed, one: cache.Miss, two: cache.Hit},
		{name: "unknown safety, header", call: touch, said: trailed, one: cache.Miss, two: cache.Hit},
		{name: "failed", call: failedCreate, trailed: trailed, one: cache.Miss, two: cache.Hit, expectError: true},
		{name: "beside an annotation", call: func(r *rig) error { return r.update("2") }, trailed: trailed, one: cache.Miss, two: cache.Miss},
		{name: "server stream", call: restock, trailed: trailed, one: cache.Miss, two: cache.Miss},
		{name: "bidirectional stream", call: chat, trailed: trailed, one: cache.Miss, two: cache.Hit},
		{name: "safe method is ignored", call: peek, trailed: trailed, one: cache.Hit, two: cache.Hit},
		{name: "safe stream is ignored", call: watch, trailed: trailed, one: cache.Hit, two: cache.Hit},
		{name: "malformed: everything", call: touch, trailed: metadata.Pairs("cache-group-invalidation", "product:1 oops"), one: cache.Miss, two: cache.Miss, flushes: 1},
		{name: "too many: everything", call: touch, said: metadata.MD{"cache-group-invalidation": many(129)}, one: cache.Miss, two: cache.Miss, flushes: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.get("1")
				r.get("2")
				r.shop.said, r.shop.trailed = tt.said, tt.trailed
				if err := tt.call(r); (err != nil) != tt.expectError {
					t.Fatal(err)
				}
				synctest.Wait()
				r.shop.said, r.shop.trailed = nil, nil
				if _, out := r.get("1"); out.Result != tt.one {
					t.Errorf("product 1: got %v, want %v", out.Result, tt.one)
				}
				if _, out := r.get("2"); out.Result != tt.two {
					t.Errorf("product 2: got %v, want %v", out.Result, tt.two)
				}
				if s := r.cache.Stats(); s.Flushes != tt.flushes {
					t.Errorf("got %d flushes, want %d", s.Flushes, tt.flushes)
				}
			})
		})
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Quote(strings.Repeat("g", 1+i%5) + strconv.Itoa(i))
	}
	return out
}

func touch(r *rig) error {
	_, err := r.client.Touch(r.t.Context(), &testv1.TouchRequest{})
	return err
}

func peek(r *rig) error {
	_, err := r.client.Peek(r.t.Context(), &testv1.PeekRequest{})
	return err
}

func failedCreate(r *rig) error {
	r.shop.create = func(context.Context, *testv1.CreateProductRequest) (*testv1.CreateProductResponse, error) {
		return nil, status.Error(codes.FailedPrecondition, "no")
	}
	_, err := r.client.CreateProduct(r.t.Context(), &testv1.CreateProductRequest{})
	return err
}

func restock(r *rig) error {
	stream, err := r.client.Restock(r.t.Context(), &testv1.RestockRequest{Id: "2", Steps: 2})
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

func watch(r *rig) error {
	stream, err := r.client.Watch(r.t.Context(), &testv1.WatchRequest{})
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

func chat(r *rig) error {
	stream, err := r.client.Chat(r.t.Context())
	if err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return drain(stream.Recv)
}

func drain[T any](recv func() (T, error)) error {
	for {
		if _, err := recv(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func TestStreamedToMutation(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.want("2", cache.Miss, 2)
	stream, err := r.client.Import(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testv1.ImportRequest{Product: &testv1.Product{Id: "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
	r.want("1", cache.Hit, 1)
	r.want("2", cache.Miss, 3)
}

// A stream that its caller leaves may have written.
func TestAbandonedMutationStream(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		r.shop.restock = func(_ *testv1.RestockRequest, stream grpc.ServerStreamingServer[testv1.RestockResponse]) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := r.client.Restock(ctx, &testv1.RestockRequest{Id: "1"}); err != nil {
			t.Fatal(err)
		}
		r.want("1", cache.Hit, 1)
		cancel()
		synctest.Wait()
		r.want("1", cache.Miss, 2)
	})
}

func TestOtherTargetsAreUntouched(t *testing.T) {
	r := newRig(t)
	other := &rig{t: t, shop: r.shop, cache: r.cache}
	other.conn = dial(t, r.listener, "other", r.cache.DialOptions()...)
	other.client = testv1.NewShopClient(other.conn)
	r.want("1", cache.Miss, 1)
	other.want("1", cache.Miss, 2) // nor are replies shared
	if err := r.update("1"); err != nil {
		t.Fatal(err)
	}
	other.want("1", cache.Hit, 2)
	r.want("1", cache.Miss, 4)
	r.cache.Invalidate("product:1")
	other.want("1", cache.Miss, 5)
	r.want("1", cache.Miss, 6)
}

// An interceptor behind the cache may fill in the reply after the stream's end.
func TestReplyFilledInLate(t *testing.T) {
	r := newRig(t)
	late := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		own := reply.(proto.Message).ProtoReflect().New().Interface()
		err := invoker(ctx, method, req, own, cc, opts...)
		proto.Merge(reply.(proto.Message), own)
		return err
	}
	r.conn = dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(late))...)
	r.client = testv1.NewShopClient(r.conn)
	r.want("1", cache.Miss, 1)
	r.want("1", cache.Hit, 1)
	if _, err := r.client.CreateProduct(t.Context(), &testv1.CreateProductRequest{Name: "1"}); err != nil {
		t.Fatal(err)
	}
	r.want("1", cache.Miss, 3)
}

// A stream that was never opened has asked for nothing.
func TestStreamThatCannotBeOpened(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.want("1", cache.Miss, 1)
		r.server.Stop()
		_ = r.listener.Close()
		if err := restock(r); err == nil {
			t.Fatal("want an error")
		}
		synctest.Wait()
		r.want("1", cache.Hit, 1)
		if s := r.cache.Stats(); s.Flushes != 0 {
			t.Errorf("got %d flushes, want none", s.Flushes)
		}
	})
}
