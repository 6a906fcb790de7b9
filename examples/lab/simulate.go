package main

import (
	"context"
	"runtime"
	"sync"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/sim"
)

// simulate plays each scenario with each policy and each seed, as many at a time as there are
// processors. The results are in that order, whichever ends first.
func simulate(ctx context.Context, scenarios []sim.Scenario, policies []string, seeds []uint64) ([]result.Run, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	runs := make([]result.Run, len(scenarios)*len(policies)*len(seeds))
	turns := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := range turns {
				s, rest := n/(len(policies)*len(seeds)), n%(len(policies)*len(seeds))
				r, err := sim.Run(ctx, scenarios[s], policies[rest/len(seeds)], seeds[rest%len(seeds)])
				if err != nil {
					cancel(err)
				}
				runs[n] = r
			}
		})
	}
	for n := range runs {
		turns <- n
	}
	close(turns)
	wg.Wait()
	return runs, context.Cause(ctx)
}
