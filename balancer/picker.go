package balancer

import (
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/internal/choose"
)

// picker picks among the endpoints that are ready at one time. It is immutable;
// what changes with each call lives in the endpoints and the pool.
type picker struct {
	base   time.Time
	params choose.Params
	pool   *choose.Pool
	set    *choose.Set
	nodes  []node // in the order of the set's members
}

// node is an endpoint and its pick_first's picker.
type node struct {
	endpoint *choose.Endpoint
	address  string
	child    balancer.Picker
}

// now is nanoseconds since the balancer was built. A time taken from the channel,
// and not from the package, stays inside of a synctest bubble.
func (p *picker) now() int64 { return int64(time.Since(p.base)) }

// Pick chooses an endpoint and lets its pick_first pick. The closure that it
// returns as Done is its one allocation.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	start := p.now()
	i, rule := p.set.Pick(start, rand.Uint64())
	n := &p.nodes[i]
	result, err := n.child.Pick(info)
	if err != nil {
		return result, err
	}
	n.endpoint.Begin(start)
	state := callstate.From(info.Ctx)
	stream := state.Stream()
	if stream {
		n.endpoint.Opened()
	}
	state.Picked(n.address, ruleOf(rule))
	childDone := result.Done
	result.Done = func(d balancer.DoneInfo) {
		if stream {
			n.endpoint.Closed()
		}
		p.done(n, state, start, d)
		if childDone != nil {
			childDone(d)
		}
	}
	return result, nil
}

func (p *picker) done(n *node, state *callstate.State, start int64, d balancer.DoneInfo) {
	if retracted(d) {
		n.endpoint.Retract()
		state.Retracted()
		return
	}
	now := p.now()
	end := endOf(d)
	if !end.Untimed && !state.Stream() {
		end.Took = time.Duration(max(now-start, 1))
	}
	if n.endpoint.Finish(now, end.End, &p.params) {
		p.pool.Offer(n.endpoint)
	}
}

func ruleOf(r choose.Rule) callstate.Rule {
	switch r {
	case choose.Only:
		return callstate.RuleOnly
	case choose.Report:
		return callstate.RuleReport
	default:
		return callstate.RuleTwoChoices
	}
}
