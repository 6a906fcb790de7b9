package service

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// spanShift makes a bucket span 2^30 ns, about 1.07 s.
	spanShift = 30
	// buckets of that span are the window.
	buckets = 8

	// Sums count in 2^10 ns, about 1 us, and samples are rounded up to it.
	unitShift = 10
	// countBits of a word count samples, the others sum them up: room for 16 million
	// samples and for 312 hours of latency in a bucket.
	countBits = 24
	countMask = 1<<countBits - 1
	// longest is what a sample counts at most; beyond it, longer makes no difference.
	longest = 10 * time.Minute
)

// Estimator holds the latencies of the last seconds. The zero value is ready; all
// methods may be called concurrently. Now is in nanoseconds since any fixed
// moment, not before it.
type Estimator struct {
	mu     sync.Mutex // held while a bucket is reused
	bucket [buckets]bucket
}

// bucket is one span of time. Its word is only valid for the span of its tag.
type bucket struct {
	tag  atomic.Int64 // number of the span, from 1; 0: never used
	word atomic.Uint64
}

func spanOf(now int64) int64 { return now>>spanShift + 1 }

// Add files the latency of a request that ended well at now.
func (e *Estimator) Add(now int64, took time.Duration) {
	span := spanOf(now)
	b := &e.bucket[span%buckets]
	if b.tag.Load() != span && !e.reuse(b, span) {
		return
	}
	units := uint64(min(max(took, 1), longest)+1<<unitShift-1) >> unitShift
	b.word.Add(units<<countBits | 1)
}

// reuse empties a bucket for a new span. It reports false if the bucket has gone
// on to a later one: the sample comes from a clock reading that is seconds old.
func (e *Estimator) reuse(b *bucket, span int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if tag := b.tag.Load(); tag >= span {
		return tag == span
	}
	b.word.Store(0)
	b.tag.Store(span)
	return true
}

// AddBound files a latency that is known only as a lower bound, as that of a
// call that failed or was cancelled: it counts if it exceeds the estimate.
func (e *Estimator) AddBound(now int64, atLeast time.Duration) {
	if estimate := e.Estimate(now); estimate > 0 && atLeast > estimate {
		e.Add(now, atLeast)
	}
}

// Estimate is what a request takes, or 0 if that is not known.
func (e *Estimator) Estimate(now int64) time.Duration {
	var sum, count uint64
	span := spanOf(now)
	for i := range e.bucket {
		b := &e.bucket[i]
		if tag := b.tag.Load(); tag == 0 || tag <= span-buckets {
			continue
		}
		w := b.word.Load()
		sum += w >> countBits
		count += w & countMask
	}
	if count == 0 {
		return 0
	}
	return max(time.Duration((sum<<unitShift)/count), 1)
}
