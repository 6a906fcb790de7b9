package origin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// The tag of {serial: 1}, whose encoding is 08 01. It may change with the encoding, but replicas of
// different builds then send bodies that need not have been sent.
const tagOfOne = `W/"-42n61sbOZ5zIRedrJ6fZQ"`

func TestAutomaticETags(t *testing.T) {
	byRule := said{CacheControl: "max-age=60", Groups: `"product:7"`}
	says := func(f func(context.Context) error) func(context.Context) error { return f }
	tests := []struct {
		name  string
		f     func(context.Context) error
		asked []string
		want  heard
	}{
		{"not asked", nil, nil, heard{ETag: tagOfOne, Bytes: 2, Said: byRule}},
		{"asked for it", nil, []string{wire.KeyIfNoneMatch, tagOfOne}, heard{ETag: tagOfOne, NotModified: "1", Said: byRule}},
		{"asked for another", nil, []string{wire.KeyIfNoneMatch, `W/"x"`}, heard{ETag: tagOfOne, Bytes: 2, Said: byRule}},
		{"asked for any", nil, []string{wire.KeyIfNoneMatch, "*"}, heard{ETag: tagOfOne, NotModified: "1", Said: byRule}},
		{"the handler's own", says(func(ctx context.Context) error { return origin.SetETag(ctx, `"v1"`) }),
			[]string{wire.KeyIfNoneMatch, tagOfOne}, heard{ETag: `"v1"`, Bytes: 2, Said: byRule}},
		{"the handler asks for its own", says(func(ctx context.Context) error { origin.NotModified(ctx, `"v1"`); return nil }),
			[]string{wire.KeyIfNoneMatch, `"v1"`}, heard{ETag: `"v1"`, NotModified: "1", Said: said{CacheControl: "max-age=60"}}},
		{"no-store", says(func(ctx context.Context) error { return origin.SetCacheControl(ctx, "no-store") }),
			[]string{wire.KeyIfNoneMatch, tagOfOne}, heard{Bytes: 2, Said: said{CacheControl: "no-store", Groups: `"product:7"`}}},
		{"no-cache", says(func(ctx context.Context) error { return origin.SetCacheControl(ctx, "no-cache") }),
			[]string{wire.KeyIfNoneMatch, tagOfOne}, heard{ETag: tagOfOne, NotModified: "1", Said: said{CacheControl: "no-cache", Groups: `"product:7"`}}},
		{"lagging", says(func(ctx context.Context) error { return origin.SetVersion(ctx, 1) }),
			[]string{wire.KeyIfNoneMatch, tagOfOne, wire.KeyCacheMinVersion, "2"}, heard{Version: "1", Bytes: 2, Said: said{CacheControl: "no-store", Groups: `"product:7"`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t, origin.WithAutomaticETags())
			s := &shop{get: replying(t, func(ctx context.Context) error { return run(ctx, tt.f) })}
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			if d := cmp.Diff(tt.want, asks(t, client, tt.asked...)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What has no tag: other methods, errors, and everything where it is not asked
// for.
func TestNoAutomaticETags(t *testing.T) {
	on := []origin.Option{origin.WithAutomaticETags()}
	tests := []struct {
		name string
		opts []origin.Option
		call caller
		code codes.Code
	}{
		{"off by default", nil, basket, codes.OK},
		{"a read without a rule", on, peek, codes.OK},
		{"a write", on, update, codes.OK},
		{"a write that names nothing", on, touch, codes.OK},
		{"a stream", on, watch, codes.OK},
		{"an error", on, get, codes.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t, tt.opts...)
			s := &shop{get: func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
				return nil, status.Error(codes.NotFound, "as told")
			}}
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			var header, trailer metadata.MD
			ctx := metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, "*")
			if err := tt.call(ctx, client, grpc.Header(&header), grpc.Trailer(&trailer)); status.Code(err) != tt.code {
				t.Fatalf("got %v, want %v", err, tt.code)
			}
			if got := heardIn(header, trailer, nil); got.ETag != "" || got.NotModified != "" {
				t.Errorf("got %+v, want no tag", got)
			}
		})
	}
}

// Replies that are equal have one tag at every replica, whatever the order of
// their maps; others have others.
func TestAutomaticETagsAgree(t *testing.T) {
	tags := map[string]int{}
	price := int64(1)
	s := &shop{list: func(context.Context) (*testv1.ListProductsResponse, error) {
		p := &testv1.Product{Id: "1", Price: price, Notes: map[string]string{}}
		for i := range 100 {
			p.Notes[fmt.Sprint(i)] = strings.Repeat("x", i)
		}
		return &testv1.ListProductsResponse{Products: []*testv1.Product{p}}, nil
	}}
	for range 2 {
		o, _ := newOrigin(t, origin.WithAutomaticETags())
		client := dial(t, serve(t, s, o.ServerOptions()...), "a")
		for i := range 20 {
			price = int64(i % 2)
			var header metadata.MD
			if err := list(t.Context(), client, grpc.Header(&header)); err != nil {
				t.Fatal(err)
			}
			tag, err := wire.ReplyETag(header, nil)
			if err != nil || tag == "" {
				t.Fatalf("got tag %q, %v", tag, err)
			}
			tags[tag]++
		}
	}
	if len(tags) != 2 {
		t.Errorf("got tags %v of two replies, want two", tags)
	}
}
