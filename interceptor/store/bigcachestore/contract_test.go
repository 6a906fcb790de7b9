package bigcachestore_test

import (
	"testing"

	"github.com/freshet-io/freshet/interceptor/store"
	"github.com/freshet-io/freshet/interceptor/store/bigcachestore"
	"github.com/freshet-io/freshet/interceptor/store/storetest"
)

func TestContract(t *testing.T) {
	for _, tt := range []struct {
		name     string
		maxBytes int64
	}{
		{"least budget", 1 * mib},
		{"odd budget", 7*mib + 12345},
		{"default budget", 64 * mib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit := newStore(t, tt.maxBytes).MaxValueBytes()
			storetest.Run(t, func(t *testing.T) store.Store {
				return newStore(t, tt.maxBytes)
			}, storetest.WithMaxValueBytes(limit))
		})
	}
}

// TestContractInOneShard puts all keys into one shard, under hashes that differ
// by little else.
func TestContractInOneShard(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := bigcachestore.NewWithSum(16*mib, func(key string) uint64 {
			return fnvSum(key) & 0xffff_ffff
		})
		return closing(t, s, err)
	})
}
