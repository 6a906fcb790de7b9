package fallback

import (
	"slices"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

// view is what a decision is made on.
type view struct {
	list    *resolver.State // the last that is not empty, nil before the first
	failing bool
	emptied bool // an empty list is among its failures
}

func (d *side) view() view {
	return view{list: d.list, failing: d.err != nil, emptied: d.emptied}
}

// decide returns what the channel is given, nil for nothing yet, and of whom it
// is. Overdue says that the primary has failed, or been silent, for the delay.
func decide(p, q view, overdue, tiers bool) (s *resolver.State, used [2]bool) {
	gone := overdue && p.failing
	if tiers {
		gone = overdue && p.emptied
	}
	if gone && q.list != nil {
		p.list = nil
	}
	wait := !overdue && !p.failing
	switch {
	case p.list != nil && q.list != nil && tiers:
		s := stack(*p.list, *q.list)
		return &s, [2]bool{primary: true, secondary: true}
	case p.list != nil:
		return p.list, [2]bool{primary: true}
	case q.list != nil && !wait:
		return q.list, [2]bool{secondary: true}
	default:
		return nil, used
	}
}

// stack returns the endpoints of both, those of q in tiers behind all of p's.
func stack(p, q resolver.State) resolver.State {
	last := 0
	for _, e := range p.Endpoints {
		last = max(last, endpoint.Priority(e))
	}
	both := slices.Clone(p.Endpoints)
	for _, e := range q.Endpoints {
		both = append(both, endpoint.SetPriority(e, last+1+endpoint.Priority(e)))
	}
	if p.ServiceConfig == nil {
		p.ServiceConfig = q.ServiceConfig
	}
	if p.Attributes == nil {
		p.Attributes = q.Attributes
	}
	return list.With(p, both)
}
