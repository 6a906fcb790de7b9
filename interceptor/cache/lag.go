package cache

import "sync"

const (
	// lagRetryShare is the part of a target's calls that may be made again because
	// the reply was a lagging replica's.
	lagRetryShare = 0.2
	// lagRetryMost is how many such calls may be made at once after a quiet time.
	lagRetryMost = 10
)

// lagBudget bounds the calls that are made again on another endpoint: when all
// replicas lag, asking them all twice makes it worse.
type lagBudget struct {
	mu    sync.Mutex
	spent float64 // of lagRetryMost
}

// earn is called once a call to the origin.
func (b *lagBudget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-lagRetryShare)
}

// spend reports whether a call may be made again.
func (b *lagBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > lagRetryMost {
		return false
	}
	b.spent++
	return true
}
