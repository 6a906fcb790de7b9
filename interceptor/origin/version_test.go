package origin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

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

// A group may have a version of its own.
func TestGroupVersion(t *testing.T) {
	tests := []struct {
		name string
		f    func(context.Context) error
		want said
	}{
		{"beside the reply's", func(ctx context.Context) error {
			return errFirst(origin.SetVersion(ctx, 9), origin.GroupVersion(ctx, "a", 4), origin.Groups(ctx, "b"))
		}, said{CacheControl: "max-age=60", Groups: `"a";v=4, "b", "product:7"`}},
		{"of a group that the rule names", func(ctx context.Context) error {
			return origin.GroupVersion(ctx, "product:7", 4)
		}, said{CacheControl: "max-age=60", Groups: `"product:7";v=4`}},
		{"of a group that is named too", func(ctx context.Context) error {
			return errFirst(origin.Groups(ctx, "a"), origin.GroupVersion(ctx, "a", 4), origin.Groups(ctx, "a"))
		}, said{CacheControl: "max-age=60", Groups: `"a";v=4, "product:7"`}},
		{"twice", func(ctx context.Context) error {
			return errFirst(origin.GroupVersion(ctx, "a", 5), origin.GroupVersion(ctx, "a", 4), origin.GroupVersion(ctx, "a", 6))
		}, said{CacheControl: "max-age=60", Groups: `"a";v=4, "product:7"`}},
		{"out of bounds", func(ctx context.Context) error {
			for v, of := range map[uint64]string{0: "got 0", wire.MaxVersion + 1: "got 1000000000000000"} {
				if err := origin.GroupVersion(ctx, "a", v); err == nil || !strings.Contains(err.Error(), of) {
					return fmt.Errorf("%d: got error %w", v, err)
				}
			}
			if err := origin.GroupVersion(ctx, strings.Repeat("x", 257), 4); err == nil || !strings.Contains(err.Error(), "origin: GroupVersion: a group must be at most 256 bytes, got 257") {
				return fmt.Errorf("got error %w", err)
			}
			return nil
		}, said{CacheControl: "max-age=60", Groups: `"product:7"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t)
			client := dial(t, serve(t, &shop{get: replying(t, tt.f)}, o.ServerOptions()...), "a")
			if d := cmp.Diff(tt.want, asks(t, client).Said); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Versions of one downstream are not taken for versions of ours, nor for one
// another's: what is built from several replies is as old as the oldest.
func TestVersionsAcrossHops(t *testing.T) {
	const b = `"passthrough:///b/`
	tests := []struct {
		name     string
		versions []uint64 // of B's replies, one after the other
		own      func(context.Context) error
		want     string
	}{
		{"one", []uint64{9}, nil, `"product:7", ` + b + `product:7";v=9`},
		{"the older of two", []uint64{9, 8}, nil, `"product:7", ` + b + `product:7";v=8`},
		{"one of two has none", []uint64{9, 0}, nil, `"product:7", ` + b + `product:7"`},
		{"the other of two has none", []uint64{0, 9}, nil, `"product:7", ` + b + `product:7"`},
		{"beside our own", []uint64{9}, func(ctx context.Context) error { return origin.SetVersion(ctx, 1000) }, `"product:7", ` + b + `product:7";v=9`},
		{"none beside our own", []uint64{0}, func(ctx context.Context) error { return origin.SetVersion(ctx, 1000) }, `"product:7", ` + b + `product:7";v=1`},
		{"one of two none, beside our own", []uint64{9, 0}, func(ctx context.Context) error { return origin.SetVersion(ctx, 1000) }, `"product:7", ` + b + `product:7";v=1`},
		{"the handler names the same", []uint64{9}, func(ctx context.Context) error { return origin.GroupVersion(ctx, "passthrough:///b/product:7", 7) }, b + `product:7";v=7, "product:7"`},
		{"the handler names the same without a version", []uint64{9}, func(ctx context.Context) error {
			return errFirst(origin.SetVersion(ctx, 1000), origin.Groups(ctx, "passthrough:///b/product:7"))
		}, b + `product:7";v=9, "product:7"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				oA, _ := newOrigin(t)
				oB, _ := newOrigin(t)
				n := 0
				down := dial(t, serve(t, &shop{get: replying(t, func(ctx context.Context) error {
					n++
					if v := tt.versions[n-1]; v > 0 {
						return errors.Join(origin.SetVersion(ctx, v), origin.SetETag(ctx, `"b"`))
					}
					return nil
				})}, oB.ServerOptions()...), "b", oA.DialOptions()...)
				client := dial(t, serve(t, &shop{get: replying(t, func(ctx context.Context) error {
					for range tt.versions {
						if err := get(ctx, down); err != nil {
							return err
						}
					}
					return run(ctx, tt.own)
				})}, oA.ServerOptions()...), "a")
				got := asks(t, client, wire.KeyIfNoneMatch, `"b"`)
				if d := cmp.Diff(said{CacheControl: "max-age=60", Groups: tt.want}, got.Said); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				if got.ETag != "" || got.NotModified != "" || got.Version != "" && got.Version != "1000" {
					t.Errorf("got %+v of B's passed up as A's", got)
				}
			})
		})
	}
}
