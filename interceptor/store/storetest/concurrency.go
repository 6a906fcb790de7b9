package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

var concurrencyRules = []rule{
	{name: "concurrent use", check: concurrentUse},
}

const (
	writers      = 8
	keysOfWriter = 4
	opsOfWriter  = 400
)

// concurrentUse has goroutines that write keys of their own, in rising versions,
// and read everybody's. What is read of an own key is its last version or
// nothing; of another's it is whole, of that key, and never older than what the
// same goroutine read of it before.
func concurrentUse(s *subject) {
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() { s.write(g) })
	}
	wg.Wait()
}

func (s *subject) write(g int) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(s.seed, uint64(g)))
	version := make([]uint64, keysOfWriter)      // last written, 0 once deleted
	next := uint64(1)                            // a version that was never used
	seen := make([]uint64, writers*keysOfWriter) // newest read of each key
	buf := make([]byte, 0, 4096)
	for range opsOfWriter {
		own := r.IntN(keysOfWriter)
		at := g*keysOfWriter + own
		var err error
		switch r.IntN(4) {
		case 0:
			version[own], next = next, next+1
			buf = stamp(buf, at, version[own], r.IntN(2000))
			err = s.Set(ctx, s.key(at), buf, s.long())
			clear(buf) // the race detector sees a store that still reads it
		case 1:
			if r.IntN(8) == 0 {
				version[own] = 0
				err = s.Delete(ctx, s.key(at))
			}
		default:
			at = r.IntN(writers * keysOfWriter)
			var v []byte
			var found bool
			if v, found, err = s.Get(ctx, s.key(at)); found {
				seen[at] = s.examine(v, at, seen[at])
				if at/keysOfWriter == g && seen[at] != version[at%keysOfWriter] {
					s.Errorf("own key gave version %d, want %d or nothing", seen[at], version[at%keysOfWriter])
				}
				clear(v) // it is ours
			}
		}
		if err != nil {
			s.Errorf("concurrent operation = %v, want nil", err)
			return
		}
	}
}

// examine checks a value that stamp made and returns its version.
func (s *subject) examine(v []byte, at int, seen uint64) uint64 {
	if len(v) < 16 {
		s.Errorf("Get gave %d bytes, which nobody wrote", len(v))
		return seen
	}
	key, version := binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])
	if key != uint64(at) || !bytes.Equal(v, stamp(nil, at, version, len(v)-16)) {
		s.Errorf("Get of key %d gave %s, which nobody wrote under it", at, brief(v))
	}
	if version < seen {
		s.Errorf("Get of key %d gave version %d after %d", at, version, seen)
	}
	return version
}

// stamp returns a value that says what it is in its first 16 bytes and repeats
// its version in the n others.
func stamp(b []byte, at int, version uint64, n int) []byte {
	b = binary.BigEndian.AppendUint64(b[:0], uint64(at))
	b = binary.BigEndian.AppendUint64(b, version)
	for range n {
		b = append(b, byte(version))
	}
	return b
}
