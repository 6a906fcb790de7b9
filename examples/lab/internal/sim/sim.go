// Package sim compares policies in virtual time.
//
//	for _, s := range sim.Scenarios() {
//		for _, p := range sim.Policies() {
//			run, err := sim.Run(ctx, s, p.Name, seed)
//			...
//		}
//	}
//
// A run is a discrete-event simulation: clients make calls at random moments whatever
// becomes of earlier ones (an open loop), a policy chooses servers, requests travel,
// queue and are worked on, replies travel back. Freshet is the code of a channel, driven
// through package virtual; all others are models, see package policies.
//
// A run is a function of its scenario, its policy and its seed: the same in every process
// and on every machine. The calls of a seed, when they are made, by which client and with how much
// work, and the moments of antagonists are the same for all policies. A run has one goroutine; runs may be concurrent.
package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/engine"
	"github.com/freshet-io/freshet/examples/lab/internal/sim/policies"
)

// Policy is one that can be compared.
type Policy struct {
	Name        string
	Description string
}

// Oracle is the name of the policy that is the bound.
const Oracle = "oracle"

// Policies returns all, in the order in which tables show them, the oracle first.
func Policies() []Policy {
	var all []Policy
	for _, p := range policies.All() {
		all = append(all, Policy{p.Name, p.Description})
	}
	return all
}

// Variant returns the name of the policy that is freshet with a configuration, in JSON as in a
// service config, and says what is wrong with that.
func Variant(config string) (policy string, err error) {
	p, err := policies.Variant(config)
	return p.Name, err
}

// Run plays a scenario with a policy. It fails where there is no such policy, where the
// scenario is not possible, or where ctx ends before.
func Run(ctx context.Context, s Scenario, policy string, seed uint64) (result.Run, error) {
	p, err := policies.ByName(policy)
	if err != nil {
		return result.Run{}, err
	}
	if err := s.check(); err != nil {
		return result.Run{}, err
	}
	w, err := newWorld(&s, p, seed)
	if err != nil {
		return result.Run{}, err
	}
	if !w.run(ctx.Done()) {
		return result.Run{}, context.Cause(ctx)
	}
	r := w.tally.result(s.Watch)
	r.Mode, r.Scenario, r.Policy, r.Seed = "simulation", s.Name, policy, seed
	return r, nil
}

// Streams of random numbers, which do not depend on each other.
const (
	arrivalStream = iota + 1
	choiceStream
	changeStream
)

func newWorld(s *Scenario, p policies.Policy, seed uint64) (*world, error) {
	w := &world{
		s: s, arrive: rand.New(rand.NewPCG(seed, arrivalStream)),
		from: int64(s.Warmup), to: int64(s.Warmup + s.Window),
		servers: make([]server, s.Servers), clients: make([]client, s.Clients),
	}
	delay := int64(s.Delay)
	w.engine = engine.New(s.Servers+2, delay, delay, int64(s.Deadline), delay, delay)
	fleet := &policies.Fleet{
		Servers: s.Servers, Clients: s.Clients, Seed: seed,
		Random: rand.New(rand.NewPCG(seed, choiceStream)), View: view{w},
	}
	newClient, newMeter := p.Make(fleet)
	w.newMeter = newMeter
	capacity := 0.0
	for i := range w.servers {
		speed := 1.0
		if i%2 == 1 {
			speed /= s.Slower
		}
		w.servers[i] = server{queue: s.newQueue(speed), speed: speed}
		if newMeter != nil {
			w.servers[i].meter = newMeter(i)
		}
		capacity += speed * float64(s.Workers) / float64(s.Mean)
	}
	w.gap = 1 / (s.Load * capacity)
	w.tally.to = make([]int, s.Servers)
	w.tally.took = make([]int64, 0, int(1.1*float64(s.Window)/w.gap))
	for i := range w.clients {
		c, err := newClient(i)
		if err != nil {
			return nil, err
		}
		w.clients[i].Client = c
	}
	w.write(rand.New(rand.NewPCG(seed, changeStream)))
	return w, nil
}

func (s *Scenario) check() error {
	switch {
	case s.Servers < 1 || s.Clients < 1 || s.Workers < 1:
		return errors.New("sim: a scenario needs a server, a client, and a worker at least")
	case s.Load <= 0 || s.Mean <= 0 || s.Sigma < 0 || s.Slower < 1:
		return fmt.Errorf("sim: load %v, mean %v must be over 0, sigma %v at least 0, slower %v at least 1", s.Load, s.Mean, s.Sigma, s.Slower)
	case s.Retries < 0 || s.Retries > maxAttempts:
		return fmt.Errorf("sim: retries must be between 0 and %d, got %d", maxAttempts, s.Retries)
	case s.Delay <= 0 || s.Deadline <= 0 || s.Window <= 0 || s.Warmup < 0:
		return errors.New("sim: delay, deadline and window must be over 0, warm-up at least 0")
	}
	for _, c := range s.Changes {
		if c.Server < 0 || c.Server >= s.Servers {
			return fmt.Errorf("sim: a change of server %d, of %d", c.Server, s.Servers)
		}
	}
	return nil
}
