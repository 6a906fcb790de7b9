package origin_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	"github.com/freshet-io/freshet/interceptor/origin"
)

// What was read and what was written downstream have the same names here.
func TestDownstreamPrefix(t *testing.T) {
	hashed := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	long, longer := strings.Repeat("l", 64-len("passthrough:///")), strings.Repeat("l", 65-len("passthrough:///"))
	big, bigger := strings.Repeat("g", 256-len("name/")), strings.Repeat("g", 257-len("name/"))
	named := func(name string) []origin.Option {
		return []origin.Option{origin.WithDownstreamPrefix(func(string) string { return name })}
	}
	tests := []struct {
		name   string
		target string
		opts   []origin.Option
		group  string
		want   string
	}{
		{"the target", "b", nil, "g", "passthrough:///b/g"},
		{"a long target", long, nil, "g", "passthrough:///" + long + "/g"},
		{"a longer target", longer, nil, "g", hashed("passthrough:///"+longer) + "/g"},
		{"a name", "b", named("name"), "g", "name/g"},
		{"a long name", "b", named(longer + longer), "g", hashed(longer+longer) + "/g"},
		{"no name", "b", named(""), "g", "/g"},
		{"by the target", "b", []origin.Option{origin.WithDownstreamPrefix(strings.ToUpper)}, "g", "PASSTHROUGH:///B/g"},
		{"a big group", "b", named("name"), big, "name/" + big},
		{"a bigger group", "b", named("name"), bigger, "name/" + hashed(bigger)},
		{"a group of any bytes", "b", named("name"), "\x00ü\"", "name/\x00ü\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := newOrigin(t, tt.opts...)
			a, b := &shop{}, &shop{}
			client := dial(t, serve(t, a, o.ServerOptions()...), "a")
			down := dial(t, serve(t, b), tt.target, o.DialOptions()...)
			field, err := wire.FormatGroups([]string{tt.group})
			if err != nil {
				t.Fatal(err)
			}
			b.peek = func(ctx context.Context) error {
				return grpc.SetTrailer(ctx, metadata.Pairs(wire.KeyCacheGroups, field))
			}
			b.touch = func(ctx context.Context) error {
				return grpc.SetTrailer(ctx, metadata.Pairs(wire.KeyCacheGroupInvalidation, field))
			}
			a.peek = do(t, func(ctx context.Context) error { return peek(ctx, down) })
			a.touch = do(t, func(ctx context.Context) error { return touch(ctx, down) })

			var read, wrote metadata.MD
			if err := errors.Join(peek(t.Context(), client, grpc.Trailer(&read)), touch(t.Context(), client, grpc.Trailer(&wrote))); err != nil {
				t.Fatal(err)
			}
			for name, values := range map[string][]string{"read": read[wire.KeyCacheGroups], "wrote": wrote[wire.KeyCacheGroupInvalidation]} {
				groups, err := wire.ParseGroups(values)
				if err != nil || len(groups) != 1 || groups[0] != tt.want {
					t.Errorf("%s: got %q, %v, want %q", name, groups, err, tt.want)
				}
			}
		})
	}
}
