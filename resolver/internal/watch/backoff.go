package watch

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff  = time.Second
	maxBackoff    = 30 * time.Second
	maxRetryAfter = 5 * time.Minute

	firstRetry = time.Second
	maxRetry   = 2 * time.Minute
)

// backoff returns how long to wait after that many failures in a row: between
// half of the doubled time and all of it.
func backoff(failures int) time.Duration {
	d := doubled(firstBackoff, maxBackoff, failures)
	return Between(d/2, d)
}

// Between returns a time from low to high, drawn at random.
func Between(low, high time.Duration) time.Duration {
	return low + rand.N(high-low+1)
}

// doubled returns first for a count of 1, and twice as much for each one more,
// up to limit.
func doubled(first, limit time.Duration, count int) time.Duration {
	d := first
	for range count - 1 {
		if d *= 2; d >= limit {
			return limit
		}
	}
	return d
}

// retryAfter returns how long the server asked to be left alone, and up to a
// quarter more: it asked all its clients alike, and they shall not come back
// together.
func retryAfter(err error) time.Duration {
	if s, ok := errors.AsType[*StatusError](err); ok && s.RetryAfter > 0 {
		d := min(s.RetryAfter, maxRetryAfter)
		return Between(d, d+d/4)
	}
	return 0
}

// bucket is a token bucket, kept as the time at which it would be full.
type bucket struct {
	pace  time.Duration
	burst int
	full  time.Time
}

// take takes a token, and returns how long to wait before it may be used.
func (b *bucket) take(now time.Time) time.Duration {
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(b.pace)
	return max(0, b.full.Sub(now)-time.Duration(b.burst)*b.pace)
}
