package cache_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/interceptor/cache"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

type principalKey struct{}

func as(who string) context.Context {
	ctx := context.WithValue(context.Background(), principalKey{}, who)
	if who == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", who)
}

func byContext(ctx context.Context) (string, error) {
	who, _ := ctx.Value(principalKey{}).(string)
	if who == "broken" {
		return "", errors.New("no token")
	}
	return who, nil
}

func (r *rig) basket(ctx context.Context) (*testv1.GetBasketResponse, cache.Outcome) {
	r.t.Helper()
	var out cache.Outcome
	resp, err := r.client.GetBasket(ctx, &testv1.GetBasketRequest{}, cache.Report(&out))
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, out
}

func TestPrincipalsNeverShare(t *testing.T) {
	r := newRig(t, cache.WithPrincipal(byContext))
	for _, who := range []string{"alice", "bob", ""} {
		if resp, out := r.basket(as(who)); out.Result != cache.Miss || resp.GetOwner() != who {
			t.Errorf("%q first: got %v, %v", who, resp, out.Result)
		}
	}
	for _, who := range []string{"", "bob", "alice"} {
		if resp, out := r.basket(as(who)); out.Result != cache.Hit || resp.GetOwner() != who {
			t.Errorf("%q again: got %v, %v", who, resp, out.Result)
		}
	}
	r.cache.Invalidate("basket")
	if _, out := r.basket(as("bob")); out.Result != cache.Miss {
		t.Errorf("after invalidation: got %v", out.Result)
	}
}

func TestPrincipalsNeverCollapse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, cache.WithPrincipal(byContext))
		r.shop.getBasket = func(ctx context.Context, _ *testv1.GetBasketRequest) (*testv1.GetBasketResponse, error) {
			who := metadata.ValueFromIncomingContext(ctx, "authorization")[0]
			take(1)
			return &testv1.GetBasketResponse{Owner: who}, nil
		}
		done := make(chan struct{})
		for _, who := range []string{"alice", "bob"} {
			go func() {
				if resp, _ := r.basket(as(who)); resp.GetOwner() != who {
					t.Errorf("%s got the basket of %s", who, resp.GetOwner())
				}
				done <- struct{}{}
			}()
		}
		<-done
		<-done
	})
}

func TestWithoutAPrincipalNothingIsCached(t *testing.T) {
	r := newRig(t)
	for range 2 {
		if _, out := r.basket(as("alice")); out.Result != cache.Bypass || out.Detail != "no principal extractor" {
			t.Errorf("without an extractor: got %+v", out)
		}
	}
	r = newRig(t, cache.WithPrincipal(byContext))
	for range 2 {
		if _, out := r.basket(context.WithValue(t.Context(), principalKey{}, "broken")); out.Result != cache.Bypass || out.Detail != "principal" {
			t.Errorf("with an error: got %+v", out)
		}
	}
	if s := r.cache.Stats(); s.Bypassed != 2 || s.Calls != 2 {
		t.Errorf("got %+v", s)
	}
}

// Scope PUBLIC is the author's word that credentials do not matter.
func TestPublicIsForEverybody(t *testing.T) {
	r := newRig(t, cache.WithPrincipal(byContext))
	for i, who := range []string{"alice", "bob", "broken"} {
		serial, out, err := r.tryGet(as(who), "1")
		if err != nil || serial != 1 || (out.Result == cache.Hit) != (i > 0) {
			t.Errorf("%s: got %d, %v, %v", who, serial, out.Result, err)
		}
	}
}

func TestVaryAndExcludedFields(t *testing.T) {
	r := newRig(t)
	list := func(word, id string, pairs ...string) (int64, cache.Outcome) {
		t.Helper()
		var out cache.Outcome
		ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
		resp, err := r.client.ListProducts(ctx, &testv1.ListProductsRequest{Word: word, RequestId: id}, cache.Report(&out))
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetSerial(), out
	}
	for _, tt := range []struct {
		name  string
		word  string
		id    string
		pairs []string
		want  int64 // serial
	}{
		{"first", "w", "a", nil, 1},
		{"excluded field differs", "w", "b", nil, 1},
		{"field differs", "x", "a", nil, 2},
		{"vary", "w", "", []string{"accept-language", "de"}, 3},
		{"vary, other", "w", "", []string{"accept-language", "en"}, 4},
		{"vary, same", "w", "", []string{"Accept-Language", "de"}, 3},
		{"vary, empty is not absent", "w", "", []string{"accept-language", ""}, 5},
		{"vary, two values", "w", "", []string{"accept-language", "de", "accept-language", "en"}, 6},
		{"vary, as one value", "w", "", []string{"accept-language", "deen"}, 7},
		{"binary", "w", "", []string{"x-shelf-bin", "\x00"}, 8},
		{"binary, other", "w", "", []string{"x-shelf-bin", "\x00\x00"}, 9},
		{"other metadata", "w", "", []string{"traceparent", "1", "x-request-id", "2"}, 1},
	} {
		if got, out := list(tt.word, tt.id, tt.pairs...); got != tt.want {
			t.Errorf("%s: got reply %d (%v), want %d", tt.name, got, out.Result, tt.want)
		}
	}
}

// A reply may vary by what the rule's key has.
func TestReplyVariesByTheKey(t *testing.T) {
	r := newRig(t)
	r.shop.said = metadata.Pairs("vary", "Accept-Language", "x-stripped", "1", "x-kept", "2")
	var header metadata.MD
	for range 2 {
		if _, err := r.client.ListProducts(t.Context(), &testv1.ListProductsRequest{}, grpc.Header(&header)); err != nil {
			t.Fatal(err)
		}
	}
	if s := r.cache.Stats(); s.Hits != 1 {
		t.Errorf("got %d hits, want 1", s.Hits)
	}
	if len(header["x-stripped"]) > 0 || len(header["x-kept"]) != 1 {
		t.Errorf("got %v, want x-kept without x-stripped", header)
	}
}

func TestDifferentAuthoritiesDoNotShare(t *testing.T) {
	r := newRig(t)
	r.want("1", cache.Miss, 1)
	r.want("1", cache.Miss, 2, grpc.CallAuthority("elsewhere"))
	r.want("1", cache.Hit, 1)
}
