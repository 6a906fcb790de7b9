package cache

import (
	"sync"
	"time"

	"github.com/freshet-io/freshet/interceptor/store"
)

const (
	// lonerFor is for how long a key whose reply could not be shared is asked
	// for by each caller alone.
	lonerFor = 10 * time.Second
	// maxLoners bounds the keys so remembered; a forgotten one costs a wait.
	maxLoners = 4096
)

// loners are the keys whose last reply was for one caller alone. Waiting for
// another caller's reply there is waiting in vain, and then once more for one's
// own: a caller may have time for only one of the two.
type loners struct {
	mu sync.Mutex
	m  map[store.Key]time.Duration // key → end, since the cache's base
}

func (l *loners) has(key store.Key, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now < l.m[key]
}

func (l *loners) add(key store.Key, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.m) >= maxLoners {
		clear(l.m)
	}
	if l.m == nil {
		l.m = map[store.Key]time.Duration{}
	}
	l.m[key] = now + lonerFor
}

func (l *loners) remove(key store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.m, key)
}
