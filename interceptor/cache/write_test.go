package cache_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

const retriesUnavailable = `{"methodConfig":[{"name":[{"service":"freshet.test.v1.Shop"}],
	"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.01s","maxBackoff":"0.01s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// gRPC retries below every interceptor: the failure of the last attempt may be
// definite while an earlier one has written.
func TestRetriedWriteThatEndsDefinitely(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.conn = dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithDefaultServiceConfig(retriesUnavailable))...)
		r.client = testv1.NewShopClient(r.conn)
		r.want("1", cache.Miss, 1)
		attempts := 0
		r.shop.update = func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
			if attempts++; attempts == 1 { // commits, and cannot say so
				return nil, status.Error(codes.Unavailable, "going away")
			}
			return nil, status.Error(codes.FailedPrecondition, "has changed")
		}
		if err := r.update("1"); status.Code(err) != codes.FailedPrecondition || attempts != 2 {
			t.Fatalf("got %v after %d attempts", err, attempts)
		}
		if serial, out := r.get("1"); out.Result == cache.Hit {
			t.Errorf("got the reply %d from before the write (%s)", serial, out.CacheStatus)
		}
	})
}

// hedge is how an interceptor has to make attempts of which only one counts:
// each has its own reply, header and trailer, and the winner's are handed over.
func hedge(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	var header, trailer metadata.MD
	own := reply.(proto.Message).ProtoReflect().New().Interface()
	var attempt []grpc.CallOption
	for _, o := range opts {
		switch o.(type) {
		case grpc.HeaderCallOption, grpc.TrailerCallOption:
		default:
			attempt = append(attempt, o)
		}
	}
	err := invoker(ctx, method, req, own, cc, append(attempt, grpc.Header(&header), grpc.Trailer(&trailer))...)
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = trailer
		}
	}
	if err == nil {
		proto.Merge(reply.(proto.Message), own)
	}
	return err
}

// A write behind such an interceptor is heard: what its reply's fields name, and
// what its trailer names.
func TestWritesBehindAHedgingInterceptor(t *testing.T) {
	t.Run("by a field of the reply", func(t *testing.T) {
		r := newRig(t)
		r.behind(hedge)
		r.want("1", cache.Miss, 1)
		if _, err := r.client.CreateProduct(t.Context(), &testv1.CreateProductRequest{Name: "1"}); err != nil {
			t.Fatal(err)
		}
		r.want("1", cache.Miss, 3)
	})
	t.Run("by the trailer", func(t *testing.T) {
		r := newRig(t)
		r.behind(hedge)
		r.want("1", cache.Miss, 1)
		r.shop.trailed = metadata.Pairs("cache-group-invalidation", `"product:1"`)
		if _, err := r.client.Touch(t.Context(), &testv1.TouchRequest{}); err != nil {
			t.Fatal(err)
		}
		r.want("1", cache.Miss, 3)
	})
}

// What is fetched while a write is in doubt is not stored, whenever it lands and
// however many writes are.
func TestDoubtOutlastsItsEndForFetchesBegunInIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.shop.update = func(context.Context, *testv1.UpdateProductRequest) (*testv1.UpdateProductResponse, error) {
			return nil, status.Error(codes.Unavailable, "as scripted")
		}
		for i := range 2000 { // two groups each: the list's, and the product's
			_ = r.update(strconv.Itoa(i))
		}
		pass(5 * time.Second)
		r.slow(6 * time.Second) // begun in doubt, ends after it
		fetch := r.start(t.Context())
		pass(5500 * time.Millisecond)
		for i := range 4000 { // the doubts of the first have ended, and are cleared
			_ = r.update(strconv.Itoa(10_000 + i))
		}
		if a := <-fetch; a.err != nil || a.out.Stored {
			t.Errorf("got %+v, want a reply that is not stored", a)
		}
	})
}
