// Package live compares policies on real channels: servers and clients of one process,
// over TCP on the loopback interface.
//
// The servers are those of the simulation, by sleeping: requests wait, first in, first
// out, for one of a few workers, work is log-normal, every second server is slower, and an
// antagonist slows some of them down for 300 ms of every 3 s. A request whose caller has
// given up is dropped when its turn comes.
//
// The load is an open loop. When calls are made, by which channel and with how much
// work is drawn beforehand, and a latency counts from the moment at which its call should
// have been made, so that a stall is not omitted from the figures. How late the generator
// was is measured: a run in which it had to wait for the machine is marked as busy.
//
// # Fairness
//
// Policies take turns within one run, in slices, in an order that rotates from seed to
// seed. Every slice of a seed has the same calls and the same antagonists. Between slices
// the servers run empty, and the first seconds of a slice are not measured. All channels
// of all policies are connected before the first slice and share the load for longer than
// weighted_round_robin's blackout period of 10 s, so that it has its weights; the servers
// report their utilization to it on each response (gRFC A51), and it keeps its weights
// between slices (they expire after 3 min).
package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

// Config says what is run. [Standard] returns that of the lab.
type Config struct {
	Servers int
	Clients int // channels of each policy
	Workers int // of each server
	// Load is the rate of calls as a part of what all servers can do.
	Load float64
	// Mean and Sigma are those of the log-normal work of a call.
	Mean  time.Duration
	Sigma float64
	// Slower is how many times slower every second server is.
	Slower float64
	// Antagonists is on how many servers there is one.
	Antagonists int
	Deadline    time.Duration
	// Prepare is for how long all policies share the load before the first slice.
	Prepare time.Duration
	// A slice is Warmup, then Window in which calls are measured, then Deadline for the
	// servers to run empty.
	Warmup time.Duration
	Window time.Duration
}

// Standard is 16 servers and 20 channels at a load, with slices of 18 s.
func Standard(load float64) Config {
	return Config{
		Servers: 16, Clients: 20, Workers: 4, Load: load, Mean: 20 * time.Millisecond, Sigma: 1,
		Slower: 2, Antagonists: 1, Deadline: time.Second,
		Prepare: 12 * time.Second, Warmup: 8 * time.Second, Window: 9 * time.Second,
	}
}

// Name is that of the scenario in results.
func (c Config) Name() string { return fmt.Sprintf("%dx%d, %.0f %%", c.Servers, c.Clients, 100*c.Load) }

func (c Config) check(policies []string) error {
	switch {
	case c.Servers < 1 || c.Clients < 1 || c.Workers < 1:
		return errors.New("live: a run needs a server, a channel and a worker at least")
	case c.Load <= 0 || c.Mean <= 0 || c.Sigma < 0 || c.Slower < 1:
		return fmt.Errorf("live: load %v and mean %v must be over 0, sigma %v at least 0, slower %v at least 1", c.Load, c.Mean, c.Sigma, c.Slower)
	case c.Antagonists < 0 || c.Antagonists > c.Servers:
		return fmt.Errorf("live: antagonists must be between 0 and %d, got %d", c.Servers, c.Antagonists)
	case c.Deadline <= 0 || c.Window <= 0 || c.Warmup < 0 || c.Prepare < 0:
		return errors.New("live: deadline and window must be over 0, preparation and warm-up at least 0")
	}
	for _, p := range policies {
		if _, ok := configs[p]; !ok {
			return fmt.Errorf("live: no policy %q; there are %v", p, Policies())
		}
	}
	return nil
}

// Run lets each policy have a slice for each seed, and returns a result for each. It
// hands out each to report, which may be nil, as soon as it is there. It fails where the
// configuration is not possible, a channel cannot be made, or ctx ends before.
func Run(ctx context.Context, c Config, policies []string, seeds []uint64, report func(result.Run)) ([]result.Run, error) {
	if err := c.check(policies); err != nil {
		return nil, err
	}
	f, err := start(c)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	var groups []*group
	defer func() {
		for _, g := range groups {
			g.close()
		}
	}()
	for _, p := range policies {
		g, err := f.dial(p)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	if len(groups) == 0 || len(seeds) == 0 {
		return nil, nil
	}
	if err := f.slice(ctx, groups, plan(c, seeds[0], c.Prepare), nil); err != nil {
		return nil, err
	}
	var runs []result.Run
	for i, seed := range seeds {
		calls := plan(c, seed, c.Warmup+c.Window)
		for k := range groups {
			g := groups[(i+k)%len(groups)]
			var t tally
			t.begin(c, len(calls))
			if err := f.slice(ctx, []*group{g}, calls, &t); err != nil {
				return runs, err
			}
			r := t.result()
			r.Mode, r.Scenario, r.Policy, r.Seed = "grpc", c.Name(), g.policy, seed
			runs = append(runs, r)
			if report != nil {
				report(r)
			}
		}
	}
	return runs, nil
}

// call is one of a plan.
type call struct {
	at     time.Duration // since the slice began
	client int
	work   time.Duration // on a fast server
}

// plan draws the calls of a slice.
func plan(c Config, seed uint64, length time.Duration) []call {
	rng := rand.New(rand.NewPCG(seed, uint64(c.Servers)))
	capacity := 0.0 // fast seconds a second
	for i := range c.Servers {
		capacity += float64(c.Workers) / c.slowness(i)
	}
	gap := c.Mean.Seconds() / (c.Load * capacity)
	work := logNormal(c.Mean, c.Sigma)
	var calls []call
	for at := 0.0; ; {
		at += rng.ExpFloat64() * gap
		when := time.Duration(at * float64(time.Second))
		if when >= length {
			return calls
		}
		calls = append(calls, call{when, rng.IntN(c.Clients), work(rng)})
	}
}
