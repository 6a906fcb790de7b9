package plan_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

// A second tier that gets no calls does not help an overloaded first one.
func TestOverloadedTierWithAReserve(t *testing.T) {
	all := members(4, func(i int, m *plan.Member) { m.Priority = i / 2 })
	pl := plan.NewChannel(1, nil).Plan(1, params(), all, nil)
	now := int64(time.Second)
	var last plan.Pick
	hot := plan.End{End: choose.End{Outcome: choose.Success, Took: time.Millisecond, Reported: true}, Elapsed: time.Millisecond, Overloaded: true}
	for n := range uint64(1000) {
		p, ok := pl.Pick(now, n*0x9e3779b97f4a7c15, plan.Call{})
		if !ok || all[p.Index].Priority != 0 {
			t.Fatalf("call %d went to tier %d", n, all[p.Index].Priority)
		}
		now += 1000
		last = p
		pl.Finish(now, p, hot)
	}
	if !pl.Overloaded(&last, now) {
		t.Error("every endpoint that gets calls is overloaded, and Overloaded says no")
	}
}
