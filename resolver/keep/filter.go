package keep

import (
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/fault"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

var logger = grpclog.Component("freshet/keep")

// filter holds back what would take a list away.
type filter struct {
	scheme string        // of the inner resolver, for the log
	bound  time.Duration // 0 for none

	mu     sync.Mutex
	out    *decorate.Outlet
	count  int      // endpoints of the list that the channel has, 0 if it has none
	held   *holding // what is held back, nil while the inner resolver is well
	news   fault.News
	closed bool
}

// holding is one time without a list, from its first fault to the next list.
type holding struct {
	timer  *time.Timer // nil without a bound
	reason string
	pass   func() // says the latest of what is held back
}

// Update hands s on unless it is an empty list after a good one.
func (f *filter) Update(s resolver.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	s = list.Normal(s)
	if list.Empty(s) && f.count > 0 {
		f.hold("the list is empty", func() { _ = f.out.Publish(s) })
		return balancer.ErrBadResolverState
	}
	f.count = len(s.Endpoints)
	f.release()
	return f.out.Publish(s)
}

// Error hands err on unless there is a list that it would spoil.
func (f *filter) Error(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
	case f.count > 0:
		f.hold(err.Error(), func() { f.out.Fail(err) })
	default:
		f.out.Fail(err)
	}
}

// Close stops the timer. What the inner resolver says from now on is ignored.
func (f *filter) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.held.stop()
}

func (f *filter) hold(reason string, pass func()) {
	if f.held == nil {
		h := &holding{}
		if f.bound > 0 {
			h.timer = time.AfterFunc(f.bound, func() { f.expire(h) })
		}
		f.held = h
	}
	f.held.reason, f.held.pass = reason, pass
	if f.news.Tell(reason) {
		logger.Errorf("keep: %s: %s; keeping the last good list of %d endpoints", f.scheme, reason, f.count)
	}
}

func (f *filter) release() {
	f.held.stop()
	f.held = nil
	if f.news.End() {
		logger.Errorf("keep: %s: is good again: %d endpoints", f.scheme, f.count)
	}
}

// expire gives up the list after the bound. A timer that fired too late to be
// stopped finds another holding, or none.
func (f *filter) expire(h *holding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.held != h {
		return
	}
	logger.Errorf("keep: %s: %s; giving up the last good list of %d endpoints after %v", f.scheme, h.reason, f.count, f.bound)
	f.held, f.count = nil, 0
	h.pass()
}

func (h *holding) stop() {
	if h != nil && h.timer != nil {
		h.timer.Stop()
	}
}
