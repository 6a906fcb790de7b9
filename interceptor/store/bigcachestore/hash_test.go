package bigcachestore_test

import (
	"hash/fnv"
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
)

// fnvSum is a good hash that is the same in each run.
func fnvSum(key string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, key)
	return h.Sum64()
}

// hostile are hashes that BigCache alone does not survive, or that make keys
// collide.
var hostile = map[string]func(string) uint64{
	"zero":     func(string) uint64 { return 0 },
	"constant": func(string) uint64 { return 0xfeed_f00d_dead_beef },
	"all ones": func(string) uint64 { return 1<<64 - 1 },
	"4 bits":   func(k string) uint64 { return fnvSum(k) & 0xf },
	"one zero": func(k string) uint64 {
		if first := key(0); k == string(first[:]) {
			return 0
		}
		return fnvSum(k) & (1<<32 - 1)
	},
	"12 high": func(k string) uint64 { return fnvSum(k) &^ (1<<52 - 1) },
}

// TestCollisionsOnlyMiss writes, overwrites and deletes under hashes that
// collide: whatever is found must be of its key, and what was set last is found.
func TestCollisionsOnlyMiss(t *testing.T) {
	for name, sum := range hostile {
		t.Run(name, func(t *testing.T) {
			s, err := bigcachestore.NewWithSum(mib, sum)
			closing(t, s, err)
			const keys = 64
			for i := range uint64(5000) {
				k := key(i % keys)
				mustSet(t, s, k, append(k[:], make([]byte, i%2000)...))
				if _, found := mustGet(t, s, k); !found {
					t.Fatalf("set %d: the value just set is not found", i)
				}
				other := key((i * 7) % keys)
				if v, found := mustGet(t, s, other); found && store.Key(v[:32]) != other {
					t.Fatalf("set %d: found the value of another key", i)
				}
			}
			if n := s.Len(); n < 1 || n > keys {
				t.Errorf("Len() = %d, want between 1 and %d", n, keys)
			}
		})
	}
}

// TestDeleteSparesColliding deletes a key whose hash is that of another: BigCache
// would delete the other's entry.
func TestDeleteSparesColliding(t *testing.T) {
	s, err := bigcachestore.NewWithSum(mib, func(string) uint64 { return 42 })
	closing(t, s, err)
	mustSet(t, s, key(1), []byte("one"))
	if err := s.Delete(ctx, key(2)); err != nil {
		t.Fatalf("Delete = %v, want nil", err)
	}
	if v, _ := mustGet(t, s, key(1)); string(v) != "one" {
		t.Errorf("after Delete of a key with the same hash Get gave %q, want %q", v, "one")
	}
}

// TestNothingIsLogged fills a store under colliding hashes, of which BigCache by
// default logs the keys, while the standard output and the log are watched.
func TestNothingIsLogged(t *testing.T) {
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	stdout, stderr := os.Stdout, os.Stderr
	defer func() {
		os.Stdout, os.Stderr = stdout, stderr
		log.SetOutput(stderr)
	}()
	os.Stdout, os.Stderr = said, said
	log.SetOutput(said)

	s, err := bigcachestore.NewWithSum(mib, func(string) uint64 { return 42 })
	closing(t, s, err)
	for i := range uint64(2000) {
		mustSet(t, s, key(i), make([]byte, 1000))
		mustGet(t, s, key(i+1))
		if err := s.Delete(ctx, key(i+2)); err != nil {
			t.Errorf("Delete = %v, want nil", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if b, err := os.ReadFile(said.Name()); err != nil || len(b) > 0 {
		t.Errorf("the store wrote %.200q (%v), want nothing", b, err)
	}
}
