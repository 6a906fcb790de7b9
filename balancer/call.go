package balancer

import (
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer/callstate"
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/plan"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// call is a pick whose end is awaited. A call that has ended is used again, and so is
// its Done, which a pick would otherwise have to allocate. "Done is called when the
// RPC is completed" (balancer.PickResult): once. A second time does nothing, or, if
// the call is in use again, is taken for the end of the other one, whose own is then the second:
// as many end as have begun.
type call struct {
	picker *picker // nil: has ended
	state  *callstate.State
	pick   plan.Pick
	weight int // for how many calls the time is taken; 0 if it is not
	seed   uint64
	done   func(balancer.DoneInfo)
}

// calls are those that have ended.
type calls struct{ pool sync.Pool }

func (c *calls) take() *call {
	if one, ok := c.pool.Get().(*call); ok {
		return one
	}
	one := &call{seed: rand.Uint64()}
	one.done = one.end
	return one
}

func (c *calls) put(one *call) { c.pool.Put(one) }

// random returns 64 random bits, by splitmix64: nobody else draws from this seed.
func (c *call) random() uint64 {
	c.seed += 0x9e3779b97f4a7c15
	x := c.seed
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// end is Done.
func (c *call) end(d balancer.DoneInfo) {
	p := c.picker
	if p == nil {
		return
	}
	c.picker = nil
	if c.weight != 0 || !plain(&d) || !p.plan.Skim(&c.pick) {
		p.finish(c.pick, c.state, c.weight, d)
	} else if c.state != nil {
		c.state.Ended(c.pick.Endpoint, false)
	}
	c.state = nil
	p.b.calls.put(c)
	if p.b.waiting.Load() && p.b.waiting.Swap(false) {
		p.b.send(nil)
	}
}

// plain reports whether all that is to be said of a call is that it ended well.
func plain(d *balancer.DoneInfo) bool {
	if d.Err != nil || !d.BytesSent && !d.BytesReceived {
		return false
	}
	values := d.Trailer[report.Key]
	return len(values) == 0 || !report.Notable(values[len(values)-1])
}

func (p *picker) finish(pick plan.Pick, state *callstate.State, weight int, d balancer.DoneInfo) {
	if retracted(d) {
		p.plan.Retract(pick)
		state.Retracted()
		return
	}
	end := endOf(d)
	now := p.b.now()
	end.Elapsed = time.Duration(max(now-pick.Start, 1))
	end.Weight = weight
	if !end.Untimed && weight > 0 && !state.Stream() {
		end.Took = end.Elapsed
	}
	state.Ended(pick.Endpoint, d.Err != nil && end.Outcome != choose.Refused)
	p.plan.Finish(now, pick, end.End)
}
