package bigcachestore_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/allegro/bigcache/v3"
)

const (
	benchBudget = 64 * mib
	benchKeys   = 1 << 12
)

// plain returns BigCache as this package shapes it, without this package.
func plain(b *testing.B) *bigcache.BigCache {
	b.Helper()
	c, err := bigcache.New(context.Background(), bigcache.Config{
		Shards: 16, LifeWindow: math.MaxInt64, HardMaxCacheSize: benchBudget / mib, MaxEntrySize: 2 * kib, MaxEntriesInWindow: 1 << 16,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{100, kib, 64 * kib} {
		s, c := newStore(b, benchBudget), plain(b)
		names := make([]string, benchKeys)
		keys := benchKeys
		if n > kib {
			keys = 256
		}
		for i := range keys {
			k := key(uint64(i))
			names[i] = string(k[:])
			mustSet(b, s, k, make([]byte, n))
			if err := c.Set(names[i], make([]byte, n)); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("store/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			k := key(7)
			for b.Loop() {
				if _, found, err := s.Get(ctx, k); err != nil || !found {
					b.Fatal(found, err)
				}
			}
		})
		b.Run(fmt.Sprintf("bigcache/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Get(names[7]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{100, kib, 64 * kib} {
		s, c := newStore(b, benchBudget), plain(b)
		value := make([]byte, n)
		b.Run(fmt.Sprintf("store/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			k := key(7)
			for b.Loop() {
				if err := s.Set(ctx, k, value, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("bigcache/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			k := key(7)
			name := string(k[:])
			for b.Loop() {
				if err := c.Set(name, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGetParallel(b *testing.B) {
	s, c := newStore(b, benchBudget), plain(b)
	k := key(7)
	name := string(k[:])
	mustSet(b, s, k, make([]byte, kib))
	if err := c.Set(name, make([]byte, kib)); err != nil {
		b.Fatal(err)
	}
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, found, _ := s.Get(ctx, k); !found {
					b.Error("not found")
				}
			}
		})
	})
	b.Run("bigcache", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Get(name); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
