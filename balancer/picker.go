package balancer

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/choose"
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

// Pick chooses an endpoint. The closure that it returns as Done is its one
// allocation.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	now := p.b.now()
	state := callstate.From(info.Ctx)
	wish := state.Wish()
	call := plan.Call{Stream: wish.Stream}
	if wish.HasAffinity {
		call.Key, call.HasKey = affinity.Hash(wish.Affinity), true
	}
	if wish.Failures > 0 {
		call.Avoid = avoid(&wish)
	}
	r := rand.Uint64()
	pick, ok := p.choose(now, r, call)
	if !ok {
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	n := &p.nodes[pick.Index]
	state.Picked(n.address, ruleOf(pick.Rule))
	if pick.Rule == plan.Panic || pick.Endpoint.Overloaded(now) && p.plan.Overloaded(now) {
		state.MarkStrained()
	}
	p.probe(pick, now, bits.RotateLeft64(r, 32)) // of what the pick has not drawn
	return balancer.PickResult{SubConn: n.conn, Done: func(d balancer.DoneInfo) { p.done(pick, state, d) }}, nil
}

func (p *picker) choose(now int64, r uint64, call plan.Call) (plan.Pick, bool) {
	if pick, ok := p.plan.Pick(now, r, call); ok {
		return pick, true
	}
	// A call that ends before the flag is up would wake nobody, so look again.
	p.b.waiting.Store(true)
	return p.plan.Pick(now, r, call)
}

// avoid is apart from Pick, so that only a call that has failed pays for it.
func avoid(wish *callstate.Wish) func(*plan.Endpoint) bool {
	failed := *wish
	return func(e *plan.Endpoint) bool {
		return slices.Contains(failed.Failed[:failed.Failures], any(e))
	}
}

func (p *picker) done(pick plan.Pick, state *callstate.State, d balancer.DoneInfo) {
	if retracted(d) {
		p.plan.Retract(pick)
		state.Retracted()
	} else {
		end := endOf(d)
		now := p.b.now()
		end.Elapsed = time.Duration(max(now-pick.Start, 1))
		if !end.Untimed && !state.Stream() {
			end.Took = end.Elapsed
		}
		state.Ended(pick.Endpoint, d.Err != nil && end.Outcome != choose.Refused)
		p.plan.Finish(now, pick, end.End)
	}
	if p.b.waiting.Load() && p.b.waiting.Swap(false) {
		p.b.send(nil)
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
