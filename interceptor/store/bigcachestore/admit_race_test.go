package bigcachestore_test

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// TestNothingComesBackUnderLoad has one writer a key, which counts its versions
// up and says after each Set and Delete what the least version is that may be
// read from then on, and readers that use everything, so that most of what
// reaches the end of a queue goes round again while it is being replaced.
func TestNothingComesBackUnderLoad(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	const writers, keys, ops = 4, 300, 6000 // of 1 KiB: above the budget of 1 MiB
	s := newStore(t, mib)
	var least [writers * keys]atomic.Uint64
	var wg sync.WaitGroup
	for w := range uint64(writers) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, w))
			v := make([]byte, kib)
			for version := uint64(1); version < ops; version++ {
				i := w*keys + r.Uint64N(keys)
				if r.IntN(4) == 0 {
					if err := s.Delete(ctx, key(i)); err != nil {
						t.Errorf("Delete = %v, want nil", err)
					}
				} else {
					binary.BigEndian.PutUint64(v, i)
					binary.BigEndian.PutUint64(v[8:], version)
					mustSet(t, s, key(i), v)
				}
				least[i].Store(version)
			}
		})
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, writers+w))
			for range ops {
				i := r.Uint64N(writers * keys)
				want := least[i].Load()
				v, found := mustGet(t, s, key(i))
				if !found {
					continue
				}
				if got := binary.BigEndian.Uint64(v); got != i {
					t.Errorf("Get of key %d gave a value of key %d", i, got)
				}
				if got := binary.BigEndian.Uint64(v[8:]); got < want {
					t.Errorf("Get of key %d gave version %d, want %d at least", i, got, want)
				}
			}
		})
	}
	wg.Wait()
	if b := s.Bytes(); b > mib {
		t.Errorf("Bytes() = %d, want at most the budget", b)
	}
}
