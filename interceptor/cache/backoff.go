package cache

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	// backoffFirst is how long after a first failure a key's reply is not fetched
	// again in the background; each further one doubles it, up to backoffMost.
	backoffFirst = time.Second
	backoffMost  = 30 * time.Second
	// pushbackMost is the longest wait that a server is granted.
	pushbackMost = 5 * time.Minute
	// maxBackoffs bounds the keys that are remembered; a forgotten one costs a call.
	maxBackoffs = 4096
)

// backoffs are the keys whose last fetch failed: when to try again, and whether a
// stale reply is given at once meanwhile.
type backoffs struct {
	mu sync.Mutex
	m  map[store.Key]backoff
}

type backoff struct {
	failures int
	last     time.Duration // the last failure, since the cache's base
	until    time.Duration // when to try again
	pushed   time.Duration // until when a server wants to be left alone
}

// failing reports whether the last fetch for the key failed, and if so, whether it
// is time to try again. What failed before its target recovered, having failed as a whole, need
// not wait, but for what a server has asked for.
func (b *backoffs) failing(key store.Key, of *target, now time.Duration) (failing, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, failing := b.m[key]
	if failing && int64(k.last) < of.pulse.recovered.Load() {
		failing, k.until = now < k.pushed, k.pushed
	}
	return failing, !failing || now >= k.until
}

// pushed reports whether a server wants to be left alone by the key.
func (b *backoffs) pushed(key store.Key, now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now < b.m[key].pushed
}

// failed notes a failure, after which the server wants to be left alone for a
// while, 0 if it has not said so.
func (b *backoffs) failed(key store.Key, now, pushback time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[store.Key]backoff{}
	}
	k, known := b.m[key]
	if !known && len(b.m) >= maxBackoffs {
		clear(b.m)
	}
	wait := min(backoffFirst<<min(k.failures, 10), backoffMost)
	// Spread, so that clients that failed together do not come back together.
	wait -= time.Duration(rand.Int64N(int64(wait) / 4))
	k.failures++
	k.last, k.pushed = now, max(k.pushed, now+min(pushback, pushbackMost))
	k.until = max(k.until, now+wait, k.pushed)
	b.m[key] = k
}

// begun notes that the key is tried again: others leave it alone meanwhile.
func (b *backoffs) begun(key store.Key, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k, ok := b.m[key]; ok {
		k.until = max(k.until, now+backoffFirst)
		b.m[key] = k
	}
}

// succeeded forgets the key's failures.
func (b *backoffs) succeeded(key store.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.m, key)
}

// pushback is for how long a server wants to be left alone: google.rpc.RetryInfo,
// or gRFC A6's push-back, a negative one being "do not retry".
func pushback(err error, trailer metadata.MD) time.Duration {
	var wait time.Duration
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			wait = max(wait, info.GetRetryDelay().AsDuration())
		}
	}
	for _, v := range trailer["grpc-retry-pushback-ms"] {
		ms, err := strconv.ParseInt(v, 10, 32)
		switch {
		case err != nil || ms < 0:
			wait = max(wait, backoffMost)
		default:
			wait = max(wait, time.Duration(ms)*time.Millisecond)
		}
	}
	return wait
}
