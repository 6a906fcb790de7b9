package merge

import (
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/fault"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

var logger = grpclog.Component("freshet/merge")

// input is what one source has said.
type input struct {
	merger *merger
	name   string

	// These are the merger's, under its mutex.
	state *resolver.State // the latest, nil before the first
	err   error           // what was reported since, or nil
	news  fault.News
}

// Update takes the source's list.
func (in *input) Update(s resolver.State) error {
	m := in.merger
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	s = list.Normal(s)
	in.state, in.err = &s, nil
	if in.news.End() {
		logger.Errorf("merge: %s: %s: is good again: %d endpoints", m.scheme, in.name, len(s.Endpoints))
	}
	err := m.publish()
	if err == nil && list.Empty(s) {
		err = balancer.ErrBadResolverState
	}
	return err
}

// Error keeps the source's last list, and what is wrong.
func (in *input) Error(err error) {
	m := in.merger
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	in.err = fmt.Errorf("%s: %w", in.name, err)
	if in.news.Tell(err.Error()) {
		logger.Errorf("merge: %s: %v; %d endpoints stay", m.scheme, in.err, in.count())
	}
	_ = m.publish() // who reports an error is not told of another
}

// Close is the merger's to do.
func (*input) Close() {}

// heard reports whether the source has said anything.
func (in *input) heard() bool { return in.state != nil || in.err != nil }

func (in *input) count() int {
	if in.state == nil {
		return 0
	}
	return len(in.state.Endpoints)
}
