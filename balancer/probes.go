package balancer

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc/balancer"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/conns"
	"github.com/freshet-io/freshet/balancer/internal/plan"
	"github.com/freshet-io/freshet/balancer/internal/probe"
)

// probes asks servers for reports where too few come with responses. A probe has a
// goroutine, which ends with it, after probe.Timeout at the latest, or at close.
type probes struct {
	ctx    context.Context //nolint:containedctx // of the balancer, which has no other
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	asked  map[string]*asked // by the endpoint's key
}

// asked is a connection that was probed: what it does not support stays known until
// the next one.
type asked struct {
	generation uint64
	prober     *probe.Prober
	release    func()
}

func newProbes() *probes {
	ctx, cancel := context.WithCancel(context.Background())
	return &probes{ctx: ctx, cancel: cancel, asked: make(map[string]*asked)}
}

// keep gives up the probers of connections that are not among those that are ready.
func (p *probes) keep(ready []*conns.Leaf[plan.Endpoint]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) == 0 {
		return
	}
	still := make(map[string]uint64, len(ready))
	for _, l := range ready {
		still[l.Key] = l.Generation
	}
	for key, a := range p.asked {
		if generation, ok := still[key]; !ok || generation != a.generation {
			a.release()
			delete(p.asked, key)
		}
	}
}

// of returns the prober of a connection, or nil after close.
func (p *probes) of(key string, generation uint64, sc balancer.SubConn) *probe.Prober {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	a := p.asked[key]
	if a != nil && a.generation == generation {
		return a.prober
	}
	if a != nil {
		a.release()
	}
	a = &asked{generation: generation}
	a.prober, a.release = probe.Build(sc)
	p.asked[key] = a
	return a.prober
}

func (p *probes) close() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, a := range p.asked {
		a.release()
		delete(p.asked, key)
	}
}

// probe asks the server of a member, if that is worth while.
func (p *picker) probe(pick plan.Pick, now int64, r uint64) {
	want, ok := p.plan.WantProbe(pick, now, r)
	if !ok {
		return
	}
	n := &p.nodes[want.Index]
	go func() {
		prober := p.b.probes.of(n.key, n.generation, n.conn)
		if prober == nil {
			return
		}
		result, err := prober.Probe(p.b.probes.ctx)
		if errors.Is(err, probe.ErrUnsupported) || errors.Is(err, probe.ErrClosed) || errors.Is(err, probe.ErrBusy) {
			return // nobody was asked
		}
		known := err == nil && (result.Reported || result.Loaded)
		p.b.meter.probed(known)
		if !known {
			return
		}
		end := plan.End{Draining: result.Report.Draining, Overloaded: result.Report.Overloaded, End: choose.End{
			Reported: result.Reported, InFlight: result.Report.InFlight, Latency: result.Report.Latency,
			Loaded: result.Loaded, Utilization: result.Load.Utilization, Cost: result.Load.Cost(),
		}}
		p.plan.Probed(p.b.now(), want, end)
	}()
}
