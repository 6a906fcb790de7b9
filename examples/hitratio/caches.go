package main

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/maypok86/otter/v2"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

const valueBytes = 1 << 10

// subject is a cache under test.
type subject interface {
	get(key store.Key) (bool, error)
	set(key store.Key, value []byte) error
	close() error
}

var subjects = []struct {
	name string
	open func(budget int64) (subject, error)
}{
	{"freshet", openFreshet},
	{"otter v2", openOtter},
	{"BigCache", openBigCache},
}

type freshet struct{ s *bigcachestore.Store }

func openFreshet(budget int64) (subject, error) {
	s, err := bigcachestore.New(bigcachestore.WithMaxBytes(budget))
	return freshet{s}, err
}

func (f freshet) get(key store.Key) (bool, error) {
	_, found, err := f.s.Get(context.Background(), key)
	return found, err
}

func (f freshet) set(key store.Key, value []byte) error {
	return f.s.Set(context.Background(), key, value, time.Hour)
}

func (f freshet) close() error { return f.s.Close() }

// plain is BigCache with the key's bytes as its key.
type plain struct{ c *bigcache.BigCache }

func openBigCache(budget int64) (subject, error) {
	c, err := bigcache.New(context.Background(), bigcache.Config{
		Shards: 16, LifeWindow: time.Hour, HardMaxCacheSize: int(budget >> 20), MaxEntrySize: valueBytes, MaxEntriesInWindow: 16 << 10,
	})
	return plain{c}, err
}

func (p plain) get(key store.Key) (bool, error) {
	_, err := p.c.Get(string(key[:]))
	if errors.Is(err, bigcache.ErrEntryNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (p plain) set(key store.Key, value []byte) error { return p.c.Set(string(key[:]), value) }

func (p plain) close() error { return p.c.Close() }

type weighted struct {
	c *otter.Cache[store.Key, []byte]
}

func openOtter(budget int64) (subject, error) {
	c, err := otter.New(&otter.Options[store.Key, []byte]{
		MaximumWeight: uint64(budget),                                                        //nolint:gosec // positive
		Weigher:       func(k store.Key, v []byte) uint32 { return uint32(len(k) + len(v)) }, //nolint:gosec // small
		Executor:      func(f func()) { f() },                                                // so that a run can be repeated
	})
	return weighted{c}, err
}

func (w weighted) get(key store.Key) (bool, error) {
	_, found := w.c.GetIfPresent(key)
	return found, nil
}

func (w weighted) set(key store.Key, value []byte) error {
	w.c.Set(key, append([]byte(nil), value...))
	return nil
}

func (w weighted) close() error { w.c.InvalidateAll(); return nil }

// digest spreads the number of a key over a store's key, as SHA-256 would.
func digest(n uint32) store.Key {
	var k store.Key
	x := uint64(n) + 1
	for at := 0; at < len(k); at += 8 {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(k[at:], z^z>>31)
	}
	return k
}
