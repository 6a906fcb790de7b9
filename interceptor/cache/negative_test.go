package cache_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestErrorsAreKeptByCode(t *testing.T) {
	kept := map[codes.Code]bool{codes.NotFound: true, codes.OutOfRange: true}
	for code := codes.Canceled; code <= 42; code++ {
		if code > codes.Unauthenticated && code < 42 {
			continue
		}
		inBubble(t, func(t *testing.T) {
			r := ruled(t, "max_age: 60s, negative_max_age: 10s, negative_codes: [NOT_FOUND, OUT_OF_RANGE]")
			r.failWith(status.Error(code, "as scripted"))
			for range 2 {
				if _, _, err := r.tryGet(t.Context(), "1"); status.Code(err) != code || status.Convert(err).Message() != "as scripted" {
					t.Errorf("%v: got %v", code, err)
				}
			}
			want := int64(2)
			if kept[code] {
				want = 1
			}
			if n := r.shop.calls.Load(); n != want {
				t.Errorf("%v: %d calls reached the origin, want %d", code, n, want)
			}
		})
	}
}

// A kept error is the origin's error in every detail, and a hit.
func TestAKeptErrorIsTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, negative_max_age: 10s")
		st, err := status.New(codes.NotFound, "no \"such\" product").WithDetails(&errdetails.ErrorInfo{Reason: "GONE", Domain: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		r.shop.said = metadata.Pairs("x-note", "said")
		r.shop.trailed = metadata.Pairs("x-end", "trailed")
		r.failWith(st.Err())
		var header, trailer metadata.MD
		for i, want := range []cache.Result{cache.Error, cache.Hit} {
			_, out, err := r.tryGet(t.Context(), "1", grpc.Header(&header), grpc.Trailer(&trailer))
			if out.Result != want || !proto.Equal(status.Convert(err).Proto(), st.Proto()) {
				t.Errorf("call %d: got %+v, %v", i, out, status.Convert(err).Proto())
			}
			if fmt.Sprint(header["x-note"], trailer["x-end"]) != "[said] [trailed]" {
				t.Errorf("call %d: got header %v, trailer %v", i, header, trailer)
			}
		}
		if got := header["cache-status"]; len(got) != 1 || !contains(got[0], "hit") || !contains(got[0], "negative") {
			t.Errorf("cache-status: got %q", got)
		}
		pass(10 * time.Second)
		if _, out, _ := r.tryGet(t.Context(), "1"); out.Result != cache.Error {
			t.Errorf("got %+v past its lifetime", out)
		}
	})
}

func TestDirectivesShortenAKeptError(t *testing.T) {
	for said, lifetime := range map[string]time.Duration{
		"max-age=3": 3 * time.Second, "max-age=100": 10 * time.Second, "no-store": 0, "no-cache": 0,
	} {
		inBubble(t, func(t *testing.T) {
			r := ruled(t, "max_age: 60s, negative_max_age: 10s")
			r.shop.trailed = metadata.Pairs("cache-control", said)
			r.failWith(status.Error(codes.NotFound, "none"))
			_, _, _ = r.tryGet(t.Context(), "1")
			if lifetime > 0 {
				pass(lifetime - time.Millisecond)
				if _, out, _ := r.tryGet(t.Context(), "1"); out.Result != cache.Hit {
					t.Errorf("%s: got %+v within its lifetime", said, out)
				}
				pass(time.Millisecond)
			}
			if _, out, _ := r.tryGet(t.Context(), "1"); out.Result != cache.Error {
				t.Errorf("%s: got %+v past its lifetime", said, out)
			}
		})
	}
}

// The product is created: who asked too early must see it.
func TestAWriteInvalidatesAKeptError(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, negative_max_age: 60s")
		r.failWith(status.Error(codes.NotFound, "none"))
		_, _, _ = r.tryGet(t.Context(), "1")
		r.shop.getProduct = nil
		if _, err := r.client.UpdateProduct(t.Context(), &testv1.UpdateProductRequest{Product: &testv1.Product{Id: "1"}}); err != nil {
			t.Fatal(err)
		}
		r.want("1", cache.Miss, 3)
	})
}

// An error that says for good that there is no such reply any more ends what is stored;
// one that may pass leaves it as it is.
func TestErrorsDuringARefresh(t *testing.T) {
	for _, tt := range []struct {
		code codes.Code
		rule string
		want cache.Result
	}{
		{codes.Unavailable, "max_age: 1s, stale_while_revalidate: 60s", cache.Stale},
		{codes.NotFound, "max_age: 1s, stale_while_revalidate: 60s", cache.Error},
		{codes.NotFound, "max_age: 1s, stale_while_revalidate: 60s, negative_max_age: 1s", cache.Hit},
		{codes.PermissionDenied, "max_age: 1s, stale_while_revalidate: 60s", cache.Stale}, // of one caller
	} {
		inBubble(t, func(t *testing.T) {
			r := ruled(t, tt.rule)
			r.want("1", cache.Miss, 1)
			pass(2 * time.Second)
			r.failWith(status.Error(tt.code, "as scripted"))
			r.want("1", cache.Stale, 1)
			pass(time.Millisecond)
			_, out, err := r.tryGet(t.Context(), "1")
			if out.Result != tt.want || (tt.want == cache.Stale) != (err == nil) {
				t.Errorf("%v under %s: got %+v, %v; want %v", tt.code, tt.rule, out, err, tt.want)
			}
		})
	}
}

// Errors that no server has made are nobody's answer.
func TestLocalErrorsAreNotKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := ruled(t, "max_age: 60s, negative_max_age: 10s")
		conn := dial(t, r.listener, "shop", append(r.cache.DialOptions(), grpc.WithChainUnaryInterceptor(
			func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
				return status.Error(codes.NotFound, "made up")
			}))...)
		_, err := testv1.NewShopClient(conn).GetProduct(t.Context(), &testv1.GetProductRequest{Id: "1"})
		if status.Code(err) != codes.NotFound {
			t.Fatal(err)
		}
		r.want("1", cache.Miss, 1)
	})
}
