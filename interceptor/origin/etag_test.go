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
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// heard is what a caller is told of one reply, wherever it was said.
type heard struct {
	ETag, NotModified, Version string
	Bytes                      int // of the reply
	Said                       said
}

// asks calls GetProduct with metadata.
func asks(t *testing.T, c testv1.ShopClient, pairs ...string) heard {
	t.Helper()
	var header, trailer metadata.MD
	got, err := c.GetProduct(metadata.AppendToOutgoingContext(t.Context(), pairs...), &testv1.GetProductRequest{Id: "7"}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	return heardIn(header, trailer, got)
}

func heardIn(header, trailer metadata.MD, reply proto.Message) heard {
	one := func(key string) string { return strings.Join(append(header[key], trailer[key]...), " | ") }
	return heard{one(wire.KeyETag), one(wire.KeyNotModified), one(wire.KeyCacheVersion), proto.Size(reply), saidIn(trailer)}
}

// replying returns a GetProduct whose reply has 2 bytes, and which does f first.
func replying(t *testing.T, f func(context.Context) error) func(context.Context, *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
	return func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
		return &testv1.GetProductResponse{Serial: 1}, nil
	}
}

func TestETag(t *testing.T) {
	byRule := said{CacheControl: "max-age=60", Groups: `"product:7"`}
	whole := func(etag string) heard { return heard{ETag: etag, Bytes: 2, Said: byRule} }
	match := func(etag string) heard { return heard{ETag: etag, NotModified: "1", Said: byRule} }
	tests := []struct {
		name, etag string
		asked      []string // values of if-none-match
		want       heard
	}{
		{"not asked", `"v1"`, nil, whole(`"v1"`)},
		{"asked for it", `"v1"`, []string{`"v1"`}, match(`"v1"`)},
		{"asked for another", `"v1"`, []string{`"v2"`}, whole(`"v1"`)},
		{"asked for a list", `"v1"`, []string{`"v0", "v1"`}, match(`"v1"`)},
		{"asked in two values", `"v1"`, []string{`"v0"`, `"v1"`}, match(`"v1"`)},
		{"asked weakly", `"v1"`, []string{`W/"v1"`}, match(`"v1"`)},
		{"weak, asked strongly", `W/"v1"`, []string{`"v1"`}, match(`W/"v1"`)},
		{"weak, asked weakly", `W/"v1"`, []string{`W/"v1"`}, match(`W/"v1"`)},
		{"asked for any", `"v1"`, []string{"*"}, match(`"v1"`)},
		{"asked without quotes", `"v1"`, []string{"v1"}, whole(`"v1"`)},
		{"asked for a part", `"v1"`, []string{`"v"`, `"v12"`, `"`, `W/`, `w/"v1"`}, whole(`"v1"`)},
		{"asked in other case", `"v1"`, []string{`"V1"`}, whole(`"v1"`)},
		{"with a comma in it", `"a,b"`, []string{`"a", "a,b"`}, match(`"a,b"`)},
		{"empty", `""`, []string{`""`}, match(`""`)},
		{"the longest", `"` + strings.Repeat("x", 1022) + `"`, []string{`"` + strings.Repeat("x", 1022) + `"`}, match(`"` + strings.Repeat("x", 1022) + `"`)},
		{"no etag, asked for any", "", []string{"*"}, whole("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var pairs []string
			for _, v := range tt.asked {
				pairs = append(pairs, wire.KeyIfNoneMatch, v)
			}
			o, _ := newOrigin(t)
			s := &shop{get: replying(t, func(ctx context.Context) error {
				if tt.etag == "" {
					return nil
				}
				return origin.SetETag(ctx, tt.etag)
			})}
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			if d := cmp.Diff(tt.want, asks(t, client, pairs...)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestETagRefused(t *testing.T) {
	for _, etag := range []string{"", "v1", `"`, `"v1`, `v1"`, `w/"v1"`, `W/v1`, `"a"b"`, `"a b"`, "\"a\n\"", `"ü"`, `"v1", "v2"`, ` "v1"`, "*", `"` + strings.Repeat("x", 1023) + `"`} {
		var err error
		s := &shop{get: replying(t, func(ctx context.Context) error { err = origin.SetETag(ctx, etag); return nil })}
		o, _ := newOrigin(t)
		client := dial(t, serve(t, s, o.ServerOptions()...), "a")
		got := asks(t, client, wire.KeyIfNoneMatch, "*")
		if err == nil || !strings.Contains(err.Error(), "origin: SetETag: an entity tag must be") || len(err.Error()) > 300 {
			t.Errorf("%q: got error %v, want a short sentence", etag, err)
		}
		if got.ETag != "" || got.NotModified != "" || got.Bytes == 0 {
			t.Errorf("%q: got %+v, want a whole reply without a tag", etag, got)
		}
	}
}

// The handler need not work for a reply that the caller has.
func TestNotModified(t *testing.T) {
	byRule := said{CacheControl: "max-age=60", Groups: `"product:7"`}
	noGroups := said{CacheControl: "max-age=60"}
	two := func(a, b error) error { return errors.Join(a, b) }
	is := func(want, got bool) error {
		if got != want {
			return errors.New("NotModified reports the contrary")
		}
		return nil
	}
	tests := []struct {
		name  string
		f     func(context.Context) error
		asked []string // pairs
		want  heard
	}{
		{"not asked", func(ctx context.Context) error { return is(false, origin.NotModified(ctx, `"v1"`)) }, nil, heard{ETag: `"v1"`, Bytes: 2, Said: byRule}},
		{"asked for it", func(ctx context.Context) error { return is(true, origin.NotModified(ctx, `"v1"`)) },
			[]string{wire.KeyIfNoneMatch, `"v1"`}, heard{ETag: `"v1"`, NotModified: "1", Said: noGroups}},
		{"asked for another", func(ctx context.Context) error { return is(false, origin.NotModified(ctx, `"v1"`)) },
			[]string{wire.KeyIfNoneMatch, `"v2"`}, heard{ETag: `"v1"`, Bytes: 2, Said: byRule}},
		{"asked for another, and then for this", func(ctx context.Context) error {
			return two(is(false, origin.NotModified(ctx, `"v2"`)), is(true, origin.NotModified(ctx, `"v1"`)))
		}, []string{wire.KeyIfNoneMatch, `"v1"`}, heard{ETag: `"v1"`, NotModified: "1", Said: noGroups}},
		{"taken back", func(ctx context.Context) error {
			return two(is(true, origin.NotModified(ctx, `"v1"`)), origin.SetETag(ctx, `"v2"`))
		}, []string{wire.KeyIfNoneMatch, `"v1"`}, heard{ETag: `"v2"`, Bytes: 2, Said: byRule}},
		{"malformed", func(ctx context.Context) error { return is(false, origin.NotModified(ctx, "v1")) },
			[]string{wire.KeyIfNoneMatch, "*"}, heard{Bytes: 2, Said: byRule}},
		{"said more", func(ctx context.Context) error {
			return two(origin.SetCacheControl(ctx, "max-age=10"), is(true, origin.NotModified(ctx, `"v1"`)))
		}, []string{wire.KeyIfNoneMatch, `"v1"`}, heard{ETag: `"v1"`, NotModified: "1", Said: said{CacheControl: "max-age=10"}}},
		{"of a version that is too old", func(ctx context.Context) error {
			return two(origin.SetVersion(ctx, 9), is(false, origin.NotModified(ctx, `"v1"`)))
		}, []string{wire.KeyIfNoneMatch, `"v1"`, wire.KeyCacheMinVersion, "10"}, heard{ETag: `"v1"`, Version: "9", Bytes: 2, Said: said{CacheControl: "no-store", Groups: `"product:7"`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, log := newOrigin(t)
			client := dial(t, serve(t, &shop{get: replying(t, tt.f)}, o.ServerOptions()...), "a")
			for range 2 {
				if d := cmp.Diff(tt.want, asks(t, client, tt.asked...)); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
			if want := strings.Count(tt.name, "malformed"); log.count("no entity tag") != want {
				t.Errorf("got %d complaints of 2 calls, want %d", log.count("no entity tag"), want)
			}
		})
	}
	if origin.NotModified(t.Context(), `"v1"`) {
		t.Error("NotModified outside of a call is true")
	}
}

// A handler that has sent its header is heard in the trailer.
func TestETagAfterTheHeader(t *testing.T) {
	o, _ := newOrigin(t)
	s := &shop{get: replying(t, func(ctx context.Context) error {
		return errors.Join(grpc.SendHeader(ctx, metadata.Pairs("x", "y")), origin.SetETag(ctx, `"v1"`))
	})}
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	var header, trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, `"v1"`)
	got, err := client.GetProduct(ctx, &testv1.GetProductRequest{Id: "7"}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	want := heard{ETag: `"v1"`, NotModified: "1", Said: said{CacheControl: "max-age=60", Groups: `"product:7"`}}
	if d := cmp.Diff(want, heardIn(nil, trailer, got)); d != "" {
		t.Errorf("trailer (-want +got):\n%s", d)
	}
	if len(header[wire.KeyETag]) > 0 {
		t.Errorf("got header %v, want no etag in it", header)
	}
}

// A client must not have to decode a message to know that there is none.
func TestNotModifiedInTheHeader(t *testing.T) {
	o, _ := newOrigin(t)
	s := &shop{get: replying(t, func(ctx context.Context) error { return origin.SetETag(ctx, `"v1"`) })}
	client := dial(t, serve(t, s, o.ServerOptions()...), "a")
	var header metadata.MD
	if _, err := client.GetProduct(metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, `"v1"`), &testv1.GetProductRequest{}, grpc.Header(&header)); err != nil {
		t.Fatal(err)
	}
	if !wire.SaysNotModified(header, nil) || header.Get(wire.KeyETag)[0] != `"v1"` {
		t.Errorf("got header %v, want the etag and that it is not modified", header)
	}
}

// An error is an error, whoever asked for what.
func TestErrorsAreSentWhole(t *testing.T) {
	o, _ := newOrigin(t)
	for _, f := range []func(context.Context) error{
		func(ctx context.Context) error { return origin.SetETag(ctx, `"v1"`) },
		func(ctx context.Context) error { origin.NotModified(ctx, `"v1"`); return nil },
	} {
		s := &shop{get: func(ctx context.Context, _ *testv1.GetProductRequest) (*testv1.GetProductResponse, error) {
			return nil, errFirst(f(ctx), status.Error(codes.NotFound, "as told"))
		}}
		client := dial(t, serve(t, s, o.ServerOptions()...), "a")
		var header, trailer metadata.MD
		ctx := metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, "*")
		_, err := client.GetProduct(ctx, &testv1.GetProductRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
		if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "as told" {
			t.Errorf("got %v, want NOT_FOUND as told", err)
		}
		if d := cmp.Diff(heard{}, heardIn(header, trailer, nil)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// Only replies of unary methods without side effects are known again.
func TestETagOfOtherMethods(t *testing.T) {
	assumed, err := cachepolicy.Parse("policy.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/Touch
    policy: {cache: {max_age: 60s, assume_safe: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		call caller
		opts []origin.Option
		ok   bool
	}{
		{"a write", touch, nil, false},
		{"a write that is assumed to be none", touch, []origin.Option{origin.WithPolicies(assumed)}, true},
		{"a read without a rule", peek, nil, true},
		{"a stream", watch, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			var not bool
			f := func(ctx context.Context) error {
				not = origin.NotModified(ctx, `"v1"`)
				err = origin.SetETag(ctx, `"v1"`)
				return nil
			}
			s := &shop{touch: f, peek: f, watch: func(s grpc.ServerStreamingServer[testv1.WatchResponse]) error {
				return errors.Join(f(s.Context()), s.Send(&testv1.WatchResponse{Serial: 1}))
			}}
			o, _ := newOrigin(t, tt.opts...)
			client := dial(t, serve(t, s, o.ServerOptions()...), "a")
			var header, trailer metadata.MD
			if err := tt.call(metadata.AppendToOutgoingContext(t.Context(), wire.KeyIfNoneMatch, `"v1"`), client, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
				t.Fatal(err)
			}
			got := heardIn(header, trailer, nil)
			if ok := err == nil && not && got.ETag != "" && got.NotModified != ""; tt.ok != ok {
				t.Errorf("got error %v, %v and %+v, want it to be heard: %v", err, not, got, tt.ok)
			}
			if !tt.ok && (err == nil || not || got.ETag != "" || got.NotModified != "" || !strings.Contains(err.Error(), "side effects")) {
				t.Errorf("got error %v, %v and %+v, want a refusal", err, not, got)
			}
		})
	}
}
