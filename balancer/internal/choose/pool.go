package choose

import (
	"sync"
	"sync/atomic"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

const (
	// MaxPool is the largest pool, in reports: the pool size of Prequal (NSDI'24,
	// section 4).
	MaxPool = 16
	// DefaultPool is the size to use. More loses nothing, gains nothing and costs more.
	DefaultPool = 4
)

// Pool holds endpoints that have reported of late, where there are more than it
// has slots: one that is not there takes the slot of another.
// It also keeps what is common to these endpoints: the rate of picks, and the
// budget of probes. It outlives the sets that choose from it.
type Pool struct {
	slots [MaxPool]atomic.Pointer[Endpoint]
	size  atomic.Int32
	_     [7]uint64

	picked  atomic.Uint64 // picks in the present span, see tally
	pace    atomic.Uint64 // a float64: ns between picks in the last span; 0: not known
	credit  atomic.Int64  // of probes, in tenths
	wakeful atomic.Int64  // when the need of a probe is considered next
	scale   ewma.Cell     // latency per cost, of servers of ORCA

	mu sync.Mutex // of Resize and Remove
}

// NewPool returns a pool of 1 to MaxPool slots.
func NewPool(size int) *Pool {
	p := new(Pool)
	p.credit.Store(maxCredit)
	p.Resize(size)
	return p
}

// Resize changes the number of slots; those that go are emptied.
func (p *Pool) Resize(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	size = min(max(size, 1), MaxPool)
	p.size.Store(int32(size))
	for i := size; i < MaxPool; i++ {
		p.slots[i].Store(nil)
	}
}

// Offer puts e, which has a new report, into the pool if it is not there. The slot
// is random, by what was reported: that is as good as that of the oldest.
func (p *Pool) Offer(e *Endpoint) {
	if p.has(e) {
		return
	}
	i := mix(e.speed.Load()^e.load.Load()) >> 32 * uint64(p.size.Load()) >> 32
	p.slots[i].Store(e)
}

func (p *Pool) has(e *Endpoint) bool {
	for i := range p.size.Load() {
		if p.slots[i].Load() == e {
			return true
		}
	}
	return false
}

// Remove takes e out of the pool if it is there.
func (p *Pool) Remove(e *Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.slots {
		p.slots[i].CompareAndSwap(e, nil)
	}
}
