package dns

import (
	"context"
	"time"

	"google.golang.org/grpc/resolver"
)

const firstBackoff = time.Second

// poller is the resolver of one channel. Its goroutine owns memory and out.
type poller struct {
	target Target
	names  nameService
	random func() float64
	memory memory
	out    publisher

	hint    chan struct{} // holds one: hints in between are one
	stop    context.CancelFunc
	stopped chan struct{}
}

// ResolveNow asks for a lookup before the interval is over.
func (p *poller) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case p.hint <- struct{}{}:
	default:
	}
}

// Close ends the goroutine and waits for it, so that nothing is published to a
// channel that has closed its resolver.
func (p *poller) Close() {
	p.stop()
	<-p.stopped
}

func (p *poller) run(ctx context.Context) {
	defer close(p.stopped)
	failures := 0
	for ctx.Err() == nil {
		select {
		case <-p.hint: // the lookup that begins here follows it
		default:
		}
		a := p.lookUp(ctx)
		if ctx.Err() != nil {
			return // what was interrupted says nothing
		}
		wait := p.target.Interval
		if p.out.take(a) {
			failures = 0
		} else {
			failures++
			wait = min(backoff(failures), wait)
		}
		p.sleep(ctx, max(wait-p.jitter(wait), p.target.MinInterval))
	}
}

func (p *poller) lookUp(ctx context.Context) answer {
	ctx, cancel := context.WithTimeout(ctx, p.target.Timeout)
	defer cancel()
	l := lookup{names: p.names, old: p.memory, memory: memory{}}
	a := l.ask(ctx, p.target)
	p.memory = l.memory
	return a
}

// sleep returns after wait, or when ctx is done, or after a hint: then not
// before MinInterval is over, nor at the same moment as all other clients.
func (p *poller) sleep(ctx context.Context, wait time.Duration) {
	rested := time.Now().Add(p.target.MinInterval)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	due := time.Now().Add(wait)
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
		return
	case <-p.hint:
		rest := max(time.Until(rested), 0) + p.jitter(p.target.MinInterval)
		timer.Reset(min(rest, time.Until(due)))
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// jitter returns a random part of d, at most the fraction that the target names.
func (p *poller) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * p.target.Jitter * p.random())
}

// backoff doubles from 1 s, and ends where an interval surely does.
func backoff(failures int) time.Duration {
	d := firstBackoff
	for range failures - 1 {
		if d *= 2; d >= mostInterval {
			return mostInterval
		}
	}
	return d
}
