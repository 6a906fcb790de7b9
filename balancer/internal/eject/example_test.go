package eject_test

import (
	"fmt"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func ExampleGroup() {
	c := eject.Config{}.WithDefaults()
	states := []*eject.State{new(eject.State), new(eject.State), new(eject.State)}
	var g eject.Group
	now := int64(0)
	if g.Due(now) {
		g.Sweep(now, states, &c)
	}
	bad := states[1]
	for !bad.Count(now, true, float64(time.Millisecond), &c) {
		now += int64(10 * time.Millisecond)
	}
	reason, _, _ := bad.Explain(now)
	fmt.Println(bad.Admit(now), "for", reason)

	now += int64(5 * time.Second)
	if g.Due(now) {
		g.Sweep(now, states, &c)
	}
	for i := g.Trial(now, states); i >= 0; i = g.Trial(now, states) {
		now += int64(10 * time.Millisecond)
		states[i].Count(now, false, float64(10*time.Millisecond), &c)
	}
	fmt.Println(bad.Admit(now), "at a share of", bad.Share(now, &c))
	// Output:
	// closed for consecutive failures
	// open at a share of 0.1
}
