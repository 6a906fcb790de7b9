package choose

import (
	"math"
	"sync"
	"sync/atomic"
)

// MaxPool is the largest pool, in reports: the pool size of Prequal (NSDI'24,
// section 4).
const MaxPool = 16

// Pool holds the endpoints with the freshest reports where there are more
// endpoints than the pool has slots: an endpoint that is not in it takes the slot
// of the one whose report is oldest.
//
// Readers scan the slots without a lock. Writers take one only to change which
// endpoints are in, which is as rare as picks outside the pool.
type Pool struct {
	slots [MaxPool]atomic.Pointer[Endpoint]

	mu   sync.Mutex // guards size, and changes of slots
	size int
}

// NewPool returns a pool of 1 to MaxPool slots.
func NewPool(size int) *Pool {
	p := new(Pool)
	p.Resize(size)
	return p
}

// Resize changes the number of slots; those that go are emptied.
func (p *Pool) Resize(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = min(max(size, 1), MaxPool)
	for i := p.size; i < MaxPool; i++ {
		p.replace(i, nil)
	}
}

// Offer puts e, which has a new report, into the pool if it is not there.
func (p *Pool) Offer(e *Endpoint) {
	if e.pooled.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.pooled.Load() {
		p.replace(p.oldest(), e)
	}
}

// oldest is the slot that is empty, or else has the oldest report.
func (p *Pool) oldest() int {
	slot, at := 0, int64(math.MaxInt64)
	for i := range p.size {
		e := p.slots[i].Load()
		if e == nil {
			return i
		}
		if t := e.reportedAt.Load(); t < at {
			slot, at = i, t
		}
	}
	return slot
}

func (p *Pool) replace(slot int, e *Endpoint) {
	if out := p.slots[slot].Swap(e); out != nil {
		out.pooled.Store(false)
	}
	if e != nil {
		e.pooled.Store(true)
	}
}
