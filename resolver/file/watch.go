package file

import (
	"context"
	"time"

	"google.golang.org/grpc/resolver"
)

// settle is the least time between two readings, and how long a change must
// last to count. A shorter interval replaces it.
const settle = 50 * time.Millisecond

// watcher is the resolver of one channel. Its goroutine owns file and out.
type watcher struct {
	file     follower
	out      publisher
	interval time.Duration
	hint     chan struct{} // holds one: hints in between are one
	stop     context.CancelFunc
	stopped  chan struct{}
}

// ResolveNow asks for a reading before the interval is over.
func (w *watcher) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case w.hint <- struct{}{}:
	default:
	}
}

// Close ends the goroutine and waits for it, so that nothing is published to a
// channel that has closed its resolver.
func (w *watcher) Close() {
	w.stop()
	<-w.stopped
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.stopped)
	rest := min(w.interval, settle)
	for ctx.Err() == nil {
		wait := w.interval
		switch r, c := w.file.look(); c {
		case changed:
			w.out.take(r)
		case unsettled:
			wait = rest
		case unchanged:
		}
		if again := w.out.offerAgain(); again > 0 {
			wait = min(wait, again)
		}
		w.sleep(ctx, wait, rest)
	}
}

// sleep returns after wait, or when ctx is done, or rest after a hint. That rest
// is the bound on readings: a policy may give hints in a tight loop.
func (w *watcher) sleep(ctx context.Context, wait, rest time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
		return
	case <-w.hint:
		timer.Reset(rest)
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
