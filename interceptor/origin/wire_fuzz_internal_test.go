package origin

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// What a caller asks, whatever it is, makes a reply not modified only if it names
// the reply's tag, and asks for no version that cannot be.
func FuzzAsked(f *testing.F) {
	for _, seed := range [][3]string{
		{`"v1"`, `"v1"`, "3"},
		{`W/"v1"`, `"v0", "v1"`, "-1"},
		{`"v1"`, "*", "999999999999999"},
		{`"a,b"`, `"a`, `3;v="x"`},
		{`""`, `W/"", ,,`, "99999999999999999999"},
		{`"x"`, "\"\x00\"", "?0"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	o, err := New(WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, etag, asked, least string) {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{wire.KeyIfNoneMatch: {asked}, wire.KeyCacheMinVersion: {least}})
		c := o.begin("/freshet.test.v1.Shop/Peek", false)
		c.method = &method{name: "fuzz", safe: true, validated: true, emptyReply: true}
		ctx = c.context(ctx)

		v, ok := MinVersion(ctx)
		if ok != (v > 0) || v > wire.MaxVersion {
			t.Fatalf("MinVersion of %q: got %d, %v", least, v, ok)
		}
		has := NotModified(ctx, etag)
		opaque := strings.TrimPrefix(etag, "W/")
		if has && strings.Trim(asked, " \t") != "*" && !strings.Contains(asked, opaque) {
			t.Fatalf("NotModified of %q with %q asked is true", etag, asked)
		}
		if err := SetVersion(ctx, max(v, 1)-1); err == nil && NotModified(ctx, etag) {
			t.Fatalf("NotModified of version %d with %d asked is true", v-1, v)
		}
		if (SetETag(ctx, etag) == nil) != wire.ValidETag(etag) {
			t.Fatalf("SetETag of %q", etag)
		}
		e := c.end(context.WithoutCancel(ctx), nil, nil)
		if tag, err := wire.ReplyETag(e.header, e.trailer); err != nil || slices.Contains(e.header[wire.KeyETag], "") || wire.ValidETag(etag) && tag != etag {
			t.Fatalf("%q is sent as %q, %v", etag, tag, err)
		}
	})
}
