package cache

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
	"github.com/freshet-io/freshet/interceptor/store"
)

func TestEntriesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String()))
		header, trailer := metadata.MD(md.Draw(t, "header")), metadata.MD(md.Draw(t, "trailer"))
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		key := store.Key(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		d := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int64().Draw(t, "d")) })
		in := &entry{
			policy: cachepolicy.Entry{
				Requested: d.Draw(t, "requested"), InitialAge: d.Draw(t, "age"),
				Terms: cachepolicy.Terms{
					Lifetime: d.Draw(t, "lifetime"), StaleIfError: d.Draw(t, "window"), StaleWhileRevalidate: d.Draw(t, "other window"),
					MustRevalidate: rapid.Bool().Draw(t, "must-revalidate"), NoCache: rapid.Bool().Draw(t, "no-cache"),
				},
				Version:  rapid.Uint64().Draw(t, "version"),
				Negative: rapid.Bool().Draw(t, "negative"),
			},
			epoch: rapid.Uint64().Draw(t, "epoch"),
			groups: rapid.SliceOf(rapid.Custom(func(t *rapid.T) epoch.Group {
				return epoch.Group{Hash: rapid.Uint64().Draw(t, "hash"), Version: rapid.Uint64().Draw(t, "v")}
			})).Draw(t, "groups"),
			endpoint: []byte(rapid.String().Draw(t, "endpoint")),
			etag:     []byte(rapid.String().Draw(t, "etag")),
		}
		value := appendEntry(slices.Clone(body), key, in, header, trailer, skipNone)
		var out entry
		if err := out.parse(key, value); err != nil {
			t.Fatal(err)
		}
		if out.policy != in.policy || out.epoch != in.epoch || !slices.Equal(out.groups, in.groups) ||
			!bytes.Equal(out.endpoint, in.endpoint) || !bytes.Equal(out.etag, in.etag) || !bytes.Equal(out.body, body) {
			t.Fatalf("got %+v, want %+v", out, in)
		}
		h, tr, err := out.metadata()
		if err != nil || !sameMD(h, header) || !sameMD(tr, trailer) {
			t.Fatalf("got %v, %v, %v; want %v, %v", h, tr, err, header, trailer)
		}
		other := key
		other[rapid.IntRange(0, 31).Draw(t, "byte")]++
		if err := new(entry).parse(other, value); err == nil {
			t.Fatal("read under another key")
		}
	})
}

func sameMD(a, b metadata.MD) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) || len(x)+len(y) == 0 })
}

// What a store returns may be anything.
func FuzzParseEntry(f *testing.F) {
	key := store.Key{1}
	good := appendEntry([]byte("body"), key, &entry{groups: []epoch.Group{{Hash: 7, Version: 1}}, endpoint: []byte("e")}, metadata.Pairs("a", "b"), nil, skipNone)
	f.Add(good)
	f.Add(good[1:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		var e entry
		if err := e.parse(key, value); err != nil {
			return
		}
		if _, _, err := e.metadata(); err == nil && !reflect.DeepEqual(value, good) {
			// A value with the right checksum that was not written here: fine,
			// as long as reading it does not panic.
			return
		}
	})
}

// FuzzParseMeta gets past the checksum.
func FuzzParseMeta(f *testing.F) {
	var e entry
	value := appendEntry(nil, store.Key{}, &entry{groups: []epoch.Group{{Hash: 7}, {Hash: 8, Version: 300}}, endpoint: []byte("e")}, metadata.Pairs("a", "b", "a", "c"), metadata.Pairs("d", ""), skipNone)
	f.Add(value[:len(value)-footerSize])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, meta []byte) {
		if e.parseMeta(meta) {
			_, _, _ = e.metadata()
		}
	})
}

func skipNone(string) bool { return false }
