package fallback

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/fault"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

var errEmpty = errors.New("the list is empty")

// side is what one of the two sources has said.
type side struct {
	selector *selector
	rank     rank
	name     string

	// These are the selector's, under its mutex.
	list    *resolver.State // the last that is not empty, nil before the first
	err     error           // what went wrong last since then, or nil
	emptied bool            // an empty list is among what went wrong
	news    fault.News
}

// Update takes the source's list.
func (d *side) Update(s resolver.State) error {
	d.selector.mu.Lock()
	defer d.selector.mu.Unlock()
	if d.selector.closed {
		return nil
	}
	s = list.Normal(s)
	if list.Empty(s) {
		d.emptied = true
		d.fail(errEmpty)
		return balancer.ErrBadResolverState
	}
	d.list, d.err, d.emptied = &s, nil, false
	if d.news.End() {
		logger.Errorf("fallback: %s: %s %s: is good again: %d endpoints", d.selector.scheme, d.rank, d.name, len(s.Endpoints))
	}
	if d.rank == primary {
		d.selector.stopWaiting()
	}
	used, err := d.selector.publish()
	if !used[d.rank] {
		return nil
	}
	return err
}

// Error takes what the source reports.
func (d *side) Error(err error) {
	d.selector.mu.Lock()
	defer d.selector.mu.Unlock()
	if !d.selector.closed {
		d.fail(err)
	}
}

// Close is the selector's to do.
func (*side) Close() {}

func (d *side) fail(err error) {
	if d.news.Tell(err.Error()) {
		logger.Errorf("fallback: %s: %s %s: %v", d.selector.scheme, d.rank, d.name, err)
	}
	d.err = fmt.Errorf("%s %s: %w", d.rank, d.name, err)
	if d.rank == primary {
		d.selector.wait()
	}
	_, _ = d.selector.publish() // a source that fails is told that already
}
