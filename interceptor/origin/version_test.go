package origin_test

import (
	"context"
	"errors"
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

func TestVersion(t *testing.T) {
	sets := func(versions ...uint64) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, v := range versions {
				if err := origin.SetVersion(ctx, v); err != nil {
					return err
				}
			}
			return nil
		}
	}
	const groups = `"product:7"`
	lagging := said{CacheControl: "no-store", Groups: groups}
	byRule := said{CacheControl: "max-age=60", Groups: groups}
	tests := []struct {
		name  string
		f     func(context.Context) error
		asked []string
		want  heard
	}{
		{"none", sets(), nil, heard{Bytes: 2, Said: byRule}},
		{"none, though asked", sets(), []string{wire.KeyCacheMinVersion, "3"}, heard{Bytes: 2, Said: byRule}},
		{"the least", sets(1), nil, heard{Version: "1", Bytes: 2, Said: byRule}},
		{"the greatest", sets(wire.MaxVersion), nil, heard{Version: "999999999999999", Bytes: 2, Said: byRule}},
		{"the last counts", sets(9, 3), nil, heard{Version: "3", Bytes: 2, Said: byRule}},
		{"as asked", sets(3), []string{wire.KeyCacheMinVersion, "3"}, heard{Version: "3", Bytes: 2, Said: byRule}},
		{"below", sets(2), []string{wire.KeyCacheMinVersion, "3"}, heard{Version: "2", Bytes: 2, Said: lagging}},
		{"below the greatest asked", sets(2), []string{wire.KeyCacheMinVersion, "1", wire.KeyCacheMinVersion, "3"}, heard{Version: "2", Bytes: 2, Said: lagging}},
		{"below, asked in a way that cannot be read", sets(2), []string{wire.KeyCacheMinVersion, "many"}, heard{Version: "2", Bytes: 2, Said: byRule}},
		{"below, and the caller has it", func(ctx context.Context) error {
			return errors.Join(origin.SetETag(ctx, `"v2"`), origin.SetVersion(ctx, 2))
		}, []string{wire.KeyCacheMinVersion, "3", wire.KeyIfNoneMatch, `"v2"`}, heard{ETag: `"v2"`, Version: "2", Bytes: 2, Said: lagging}},
		{"as asked, and the caller has it", func(ctx context.Context) error {
			return errors.Join(origin.SetETag(ctx, `"v2"`), origin.SetVersion(ctx, 3))
		}, []string{wire.KeyCacheMinVersion, "3", wire.KeyIfNoneMatch, `"v2"`}, heard{ETag: `"v2"`, NotModified: "1", Version: "3", Said: byRule}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t)
			client := dial(t, serve(t, &shop{get: replying(t, tt.f)}, o.ServerOptions()...), "a")
			if d := cmp.Diff(tt.want, asks(t, client, tt.asked...)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// An error has a version too: caches may keep that something is not there.
func TestVersionOfAnError(t *testing.T) {
	o, _ := newOrigin(t)
	s := &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		return nil, errFirst(origin.SetVersion(ctx, 2), status.Error(codes.NotFound, "as told"))
	}}
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	for asked, want := range map[string]heard{
		"2": {Version: "2"},
		"3": {Version: "2", Said: said{CacheControl: "no-store"}},
	} {
		var header, trailer metadata.MD
		ctx := metadata.AppendToOutgoingContext(t.Context(), wire.KeyCacheMinVersion, asked)
		if err := get(ctx, client, grpc.Header(&header), grpc.Trailer(&trailer)); status.Code(err) != codes.NotFound {
			t.Fatalf("got %v, want NOT_FOUND: a server fails no call for its version", err)
		}
		if d := cmp.Diff(want, heardIn(header, trailer, nil)); d != "" {
			t.Errorf("asked for %s (-want +got):\n%s", asked, d)
		}
	}
}

func TestVersionRefused(t *testing.T) {
	for v, in := range map[uint64]string{0: "got 0", wire.MaxVersion + 1: "got 1000000000000000"} {
		err := origin.SetVersion(t.Context(), v)
		if err == nil || !strings.Contains(err.Error(), "origin: SetVersion: a version must be from 1 to 999999999999999, "+in) {
			t.Errorf("%d: got %v", v, err)
		}
	}
}

// The handler knows what is asked, with an Origin or without.
func TestMinVersion(t *testing.T) {
	type asked struct {
		V  uint64
		OK bool
	}
	tests := []struct {
		name   string
		values []string
		want   asked
	}{
		{"nothing", nil, asked{}},
		{"zero", []string{"0"}, asked{}},
		{"one", []string{"1"}, asked{1, true}},
		{"the greatest", []string{"999999999999999"}, asked{wire.MaxVersion, true}},
		{"two", []string{"7", "5"}, asked{7, true}},
		{"with parameters", []string{"7;a=b"}, asked{7, true}},
		{"one of two can be read", []string{"x", "5"}, asked{5, true}},
		{"too large", []string{"1000000000000000"}, asked{}},
		{"negative", []string{"-1"}, asked{}},
		{"no number", []string{`"7"`, "7.0", "?1", ""}, asked{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var pairs []string
			for _, v := range tt.values {
				pairs = append(pairs, wire.KeyCacheMinVersion, v)
			}
			var got asked
			s := &shop{get: replying(t, func(ctx context.Context) error {
				got.V, got.OK = origin.MinVersion(ctx)
				return nil
			})}
			o, _ := newOrigin(t)
			for _, opts := range [][]grpc.ServerOption{nil, o.ServerOptions()} {
				asks(t, dial(t, serve(t, s, opts...), "a"), pairs...)
				if got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
			}
		})
	}
	if v, ok := origin.MinVersion(t.Context()); v != 0 || ok {
		t.Errorf("outside of a call: got %d, %v", v, ok)
	}
}
