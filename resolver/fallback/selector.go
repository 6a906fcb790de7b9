package fallback

import (
	"sync"
	"time"

	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/target"
)

var logger = grpclog.Component("freshet/fallback")

// selector decides between the two sides.
type selector struct {
	scheme string
	config config
	sides  [2]*side

	mu      sync.Mutex
	out     *decorate.Outlet
	pending *patience // runs while the primary fails, or has not begun
	overdue bool      // the primary has failed for the delay
	using   [2]bool   // whose lists the channel has
	closed  bool
}

// patience is one time without the primary. A timer that fired too late to be
// stopped finds another one in its place, or none.
type patience struct{ timer *time.Timer }

func newSelector(scheme string, sources []decorate.Source, c config, cc resolver.ClientConn) *selector {
	s := &selector{scheme: scheme, config: c, out: decorate.NewOutlet(cc)}
	for i, source := range sources {
		s.sides[i] = &side{selector: s, rank: rank(i), name: source.String()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait()
	return s
}

func (s *selector) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.stopWaiting()
}

// wait begins to wait for the primary, unless that has begun or is over.
func (s *selector) wait() {
	if s.overdue || s.pending != nil {
		return
	}
	if s.config.delay == 0 {
		s.overdue = true
		return
	}
	p := &patience{}
	p.timer = time.AfterFunc(s.config.delay, func() { s.expire(p) })
	s.pending = p
}

func (s *selector) stopWaiting() {
	if s.pending != nil {
		s.pending.timer.Stop()
	}
	s.pending, s.overdue = nil, false
}

func (s *selector) expire(p *patience) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != p || s.closed {
		return
	}
	s.pending, s.overdue = nil, true
	_, _ = s.publish() // no source is there to be told; the next list is offered again
}

// publish gives the channel what is decided, and returns whose lists that is and
// what the channel says of it. It is called under the mutex.
func (s *selector) publish() (used [2]bool, err error) {
	state, used := decide(s.sides[primary].view(), s.sides[secondary].view(), s.overdue, s.config.tiers)
	if state == nil {
		s.complain()
		return used, nil
	}
	if used != s.using {
		s.tell(used)
		s.using = used
	}
	return used, s.out.Publish(*state)
}

// complain tells the channel what is wrong with the sources, once there is
// nothing to wait for.
func (s *selector) complain() {
	var faults target.Faults
	silent := false
	for _, d := range s.sides {
		if d.err != nil {
			faults.Addf("%w", d.err)
		} else {
			silent = true
		}
	}
	if err := faults.Err("fallback"); err != nil && (!silent || s.overdue) {
		s.out.Fail(err)
	}
}

// tell logs that the channel gets another list than before.
func (s *selector) tell(used [2]bool) {
	switch {
	case used[primary] && s.using[secondary] && !s.using[primary]:
		logger.Errorf("fallback: %s: using the primary %s again", s.scheme, s.sides[primary].name)
	case used[secondary] && !used[primary]:
		logger.Errorf("fallback: %s: using the secondary %s instead of %s", s.scheme, s.sides[secondary].name, s.sides[primary].name)
	}
}
