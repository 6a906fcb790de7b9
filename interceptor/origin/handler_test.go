package origin_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func TestDirectivesRefused(t *testing.T) {
	tests := []struct {
		text string
		want []string // parts of the error
	}{
		{"max-age", []string{"max-age", "whole seconds"}},
		{"max-age=1.5", []string{"max-age", "1.5"}},
		{"private, s-maxage=x", []string{"s-maxage", "x"}},
		{"max-age = 5", []string{"max-age = 5"}},
		{"no_store, max-ages=4", []string{"no_store", "max-ages"}},
		{"max-stale=5", []string{"max-stale"}},
		{"stale-while-revalidate", []string{"stale-while-revalidate", "whole seconds"}},
		{"stale-while-revalidate=-1, only-if-cached", []string{"stale-while-revalidate", "-1"}},
		{`private="a`, []string{"directives"}},
		{"no-store\n", []string{"directives"}},
		{"ü", []string{"directives"}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			err := origin.SetCacheControl(t.Context(), tt.text)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, part := range append(tt.want, "origin: SetCacheControl: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestOutsideACall(t *testing.T) {
	ctx := t.Context()
	for name, err := range map[string]error{
		"SetCacheControl":   origin.SetCacheControl(ctx, "no-store"),
		"Groups":            origin.Groups(ctx, "a"),
		"Invalidate":        origin.Invalidate(ctx, "a"),
		"SetETag":           origin.SetETag(ctx, `"a"`),
		"SetVersion":        origin.SetVersion(ctx, 1),
		"GroupVersion":      origin.GroupVersion(ctx, "a", 1),
		"InvalidateSoft":    origin.InvalidateSoft(ctx, "a"),
		"InvalidateVersion": origin.InvalidateVersion(ctx, 1, "a"),
	} {
		if err == nil || !strings.Contains(err.Error(), "interceptors") {
			t.Errorf("%s: got %v, want an error that asks for the interceptors", name, err)
		}
	}
}

func TestAfterTheCall(t *testing.T) {
	kept := make(chan context.Context, 1)
	s := &shop{
		touch: func(ctx context.Context) error { kept <- ctx; return nil },
		chat: func(stream grpc.BidiStreamingServer[testv1.ChatRequest, testv1.ChatResponse]) error {
			kept <- stream.Context()
			return nil
		},
	}
	o, _ := newOrigin(t)
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	for _, call := range []caller{touch, func(ctx context.Context, c testv1.ShopClient, opts ...grpc.CallOption) error {
		stream, err := c.Chat(ctx, opts...)
		return drain[testv1.ChatResponse](stream, err)
	}} {
		if err := call(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		ctx := <-kept
		for name, err := range map[string]error{
			"SetCacheControl":   origin.SetCacheControl(ctx, "no-store"),
			"Groups":            origin.Groups(ctx, "a"),
			"Invalidate":        origin.Invalidate(ctx, "a"),
			"SetETag":           origin.SetETag(ctx, `"a"`),
			"SetVersion":        origin.SetVersion(ctx, 1),
			"GroupVersion":      origin.GroupVersion(ctx, "a", 1),
			"InvalidateSoft":    origin.InvalidateSoft(ctx, "a"),
			"InvalidateVersion": origin.InvalidateVersion(ctx, 1, "a"),
		} {
			if err == nil || !strings.Contains(err.Error(), "ended") {
				t.Errorf("%s: got %v, want an error that the call has ended", name, err)
			}
		}
	}
}

func TestGroupsOverALimit(t *testing.T) {
	many := make([]string, 127)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	tests := []struct {
		name        string
		first, more []string
		want        string // in the error
	}{
		{"as many as fit", many, []string{"a"}, ""},
		{"as many as fit, and again", many, []string{"a", "1", "a"}, ""},
		{"one too many", many, []string{"a", "b"}, "at most 128"},
		{"as long as fits", nil, []string{strings.Repeat("x", 256)}, ""},
		{"too long", nil, []string{"ok", strings.Repeat("x", 257)}, "at most 256 bytes, got 257"},
		{"too much room", nil, strings.Fields(longNames(30)), "at most 6144 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			s := &shop{peek: do(t, func(ctx context.Context) error {
				if err := origin.Groups(ctx, tt.first...); err != nil {
					return err
				}
				err = origin.Groups(ctx, tt.more...)
				return nil
			})}
			o, _ := newOrigin(t)
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			var trailer metadata.MD
			if err := peek(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			groups, parseErr := wire.ParseGroups(trailer[wire.KeyCacheGroups])
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			if tt.want == "" {
				if err != nil || len(groups) <= len(tt.first) {
					t.Errorf("got error %v and %d groups, want none and more than %d", err, len(groups), len(tt.first))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
			if len(groups) != len(tt.first) {
				t.Errorf("got %d groups, want the %d before the fault", len(groups), len(tt.first))
			}
		})
	}
}

func longNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " %0250d", i)
	}
	return b.String()
}

// All of a handler's goroutines may speak at once.
func TestGoroutinesOfAHandler(t *testing.T) {
	s := &shop{touch: do(t, func(ctx context.Context) error {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				group := fmt.Sprint(i)
				if err := errFirst(origin.SetCacheControl(ctx, "no-store"), origin.Groups(ctx, group), origin.Invalidate(ctx, group)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})}
	o, _ := newOrigin(t)
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	var trailer metadata.MD
	if err := touch(t.Context(), client, grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{wire.KeyCacheGroups, wire.KeyCacheGroupInvalidation} {
		if groups, err := wire.ParseGroups(trailer[key]); err != nil || len(groups) != 8 {
			t.Errorf("%s: got %q, %v, want 8 groups", key, groups, err)
		}
	}
}

// What a handler says by grpc's own means stands beside what is said here, and
// readers take the more restrictive.
func TestHandlersOwnMetadata(t *testing.T) {
	s := &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return &testv1.GetProductResponse{}, errFirst(
			grpc.SetHeader(ctx, metadata.Pairs(wire.KeyCacheControl, "max-age=5")),
			grpc.SetTrailer(ctx, metadata.Pairs(wire.KeyCacheGroups, `"mine"`)))
	}}
	o, _ := newOrigin(t)
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	var header, trailer metadata.MD
	if err := get(t.Context(), client, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	said{"max-age=60", `"mine", "product:7"`, ""}.check(t, trailer)
	said{CacheControl: "max-age=5"}.check(t, header)
}
