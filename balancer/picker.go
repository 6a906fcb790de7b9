package balancer

import (
	"math/bits"
	"slices"

	"google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

// picker picks among the endpoints that are ready at one time. It is immutable;
// what changes with each call lives in the endpoints and the channel.
type picker struct {
	b     *freshet
	plan  *plan.Plan
	nodes []node // in the order of the plan's members
}

// node is an endpoint's connection.
type node struct {
	key        string
	address    string
	generation uint64
	conn       balancer.SubConn
}

// Pick chooses an endpoint.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	c := p.b.calls.take()
	r := c.random()
	now, weight := p.b.clock.begin(r)
	state := callstate.From(info.Ctx)
	call := wanted(state)
	if !p.choose(&c.pick, now, r, call) {
		p.b.calls.put(c)
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	if weight == 0 && !c.pick.Endpoint.Measured() {
		c.pick.Start, weight = p.b.now(), 1
	}
	n := &p.nodes[c.pick.Index]
	if state != nil {
		state.Picked(n.address, ruleOf(c.pick.Rule))
		// That a retry finds nobody else says nothing of how the endpoints are.
		if c.pick.Rule == plan.Panic && call.Avoid == nil || c.pick.Endpoint.Overloaded(now) && p.plan.Overloaded(&c.pick, now) {
			state.MarkStrained()
		}
	}
	if p.plan.MayWantProbe(&c.pick, now) {
		p.probe(c.pick, now, bits.RotateLeft64(r, 32)) // of what the pick has not drawn
	}
	c.picker, c.state, c.weight = p, state, weight
	return balancer.PickResult{SubConn: n.conn, Done: c.done}, nil
}

// wanted is what the call asks for.
func wanted(state *callstate.State) (call plan.Call) {
	if state == nil {
		return call
	}
	wish := state.Wish()
	call.Stream = wish.Stream
	if wish.HasAffinity {
		call.Key, call.HasKey = affinity.Hash(wish.Affinity), true
	}
	if wish.Failures > 0 {
		call.Avoid = avoid(&wish)
	}
	return call
}

func (p *picker) choose(pick *plan.Pick, now int64, r uint64, call plan.Call) bool {
	if p.plan.PickInto(pick, now, r, &call) {
		return true
	}
	// A call that ends before the flag is up would wake nobody, so look again.
	p.b.waiting.Store(true)
	return p.plan.PickInto(pick, now, r, &call)
}

// avoid is apart from Pick, so that only a call that has failed pays for it.
func avoid(wish *callstate.Wish) func(*plan.Endpoint) bool {
	failed := *wish
	return func(e *plan.Endpoint) bool {
		return slices.Contains(failed.Failed[:failed.Failures], any(e))
	}
}

func ruleOf(r plan.Rule) callstate.Rule {
	switch r {
	case plan.Only:
		return callstate.RuleOnly
	case plan.Report:
		return callstate.RuleReport
	case plan.Affinity:
		return callstate.RuleAffinity
	case plan.Probation:
		return callstate.RuleProbation
	case plan.Panic:
		return callstate.RulePanic
	default:
		return callstate.RuleTwoChoices
	}
}
