package decoded_test

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache/internal/decoded"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func key(n uint64) *decoded.Key {
	var k decoded.Key
	r := rand.New(rand.NewPCG(n, n))
	for i := 0; i < len(k); i += 8 {
		binary.LittleEndian.PutUint64(k[i:], r.Uint64())
	}
	return &k
}

func reply(n int64) *testv1.GetProductResponse {
	return &testv1.GetProductResponse{Serial: n, Product: &testv1.Product{Name: "a product", Tags: []string{"a", "b"}}}
}

// offer does what a cache does after it has read and decoded n's reply.
func offer(t *decoded.Tier[int64], n uint64) {
	ticket := t.Ticket(key(n))
	t.Offer(ticket, key(n), reply(int64(n)), func() (int64, int64) { return int64(n), 8 })
}

func TestTheSecondOfferIsTaken(t *testing.T) {
	tier := decoded.New[int64](1 << 20)
	offer(tier, 1)
	if tier.Get(key(1)) != nil {
		t.Error("taken in at once")
	}
	offer(tier, 1)
	r := tier.Get(key(1))
	if r == nil || r.Meta != 1 || !proto.Equal(r.Original.Message(), reply(1)) || tier.Len() != 1 {
		t.Fatalf("got %+v", r)
	}
	tier.Remove(key(1))
	if tier.Get(key(1)) != nil || tier.Len() != 0 || tier.Bytes() != 0 {
		t.Error("not removed")
	}
}

// What was read before the store changed is not taken in after it.
func TestAChangeVoidsTickets(t *testing.T) {
	tier := decoded.New[int64](1 << 20)
	offer(tier, 1)
	ticket := tier.Ticket(key(1))
	tier.Remove(key(1))
	tier.Offer(ticket, key(1), reply(1), func() (int64, int64) { return 1, 0 })
	if tier.Get(key(1)) != nil {
		t.Error("an old reply was taken in")
	}
}

func TestTheTierKeepsWhatIsUsedWithinItsBudget(t *testing.T) {
	const limit = 256 << 10
	tier := decoded.New[int64](limit)
	rng := rand.New(rand.NewPCG(1, 1))
	hot := func(n uint64) bool { return n < 50 }
	for range 200_000 {
		n := rng.Uint64N(50)
		if rng.IntN(2) == 0 {
			n = 50 + rng.Uint64N(100_000)
		}
		if tier.Get(key(n)) == nil {
			offer(tier, n)
		}
		if b := tier.Bytes(); b > limit || b < 0 {
			t.Fatalf("%d bytes of %d", b, limit)
		}
	}
	found := 0
	for n := range uint64(50) {
		if hot(n) && tier.Get(key(n)) != nil {
			found++
		}
	}
	if found < 45 {
		t.Errorf("%d of 50 hot replies are in the tier", found)
	}
}

func TestTooLargeForTheTier(t *testing.T) {
	tier := decoded.New[int64](4 << 10)
	big := reply(1)
	big.Product.Picture = make([]byte, 8<<10)
	for range 3 {
		tier.Offer(tier.Ticket(key(1)), key(1), big, func() (int64, int64) { return 1, 0 })
	}
	if tier.Len() != 0 {
		t.Error("a record of more than a quarter of the tier was taken in")
	}
}

func TestANilTierHoldsNothing(t *testing.T) {
	var tier *decoded.Tier[int64]
	offer(tier, 1)
	tier.Remove(key(1))
	tier.Clear()
	if tier.Get(key(1)) != nil || tier.Len() != 0 || tier.Bytes() != 0 {
		t.Error("a nil tier holds something")
	}
}

func TestConcurrentUse(t *testing.T) {
	tier := decoded.New[int64](64 << 10)
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(w, 0))
			for range 5000 {
				n := rng.Uint64N(200)
				switch rng.IntN(10) {
				case 0:
					tier.Remove(key(n))
				case 1:
					if rng.IntN(500) == 0 {
						tier.Clear()
					}
				default:
					if r := tier.Get(key(n)); r == nil {
						offer(tier, n)
					} else if r.Meta != int64(n) {
						t.Errorf("key %d has the record of %d", n, r.Meta)
					}
				}
			}
		})
	}
	wg.Wait()
	tier.Clear()
	if tier.Len() != 0 || tier.Bytes() != 0 {
		t.Errorf("%d records of %d bytes after Clear", tier.Len(), tier.Bytes())
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	tier := decoded.New[int64](1 << 20)
	offer(tier, 1)
	offer(tier, 1)
	k := key(1)
	if n := testing.AllocsPerRun(100, func() { tier.Get(k) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
