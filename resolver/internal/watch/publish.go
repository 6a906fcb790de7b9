package watch

import (
	"time"

	"google.golang.org/grpc/resolver"
)

// publisher hands the channel the list of endpoints, and decides what an empty
// one means.
type publisher struct {
	log  log
	cc   resolver.ClientConn
	hold time.Duration

	started bool                // there has been a list
	list    []resolver.Endpoint // the last good one; nil once it is believed to be empty
	ordered []resolver.Endpoint // list in the order to publish
	skipped string              // what was left out, as it was logged
	said    string              // the last reason that was reported

	why       string    // why the last answer was empty
	believeAt time.Time // when that is believed, or zero

	refusals int       // how often in a row the policy has refused list
	retryAt  time.Time // when it is offered again, or zero
}

// take is told of every answer.
func (p *publisher) take(a Answer, now time.Time) {
	p.skip(a.Skipped)
	list := sorted(a.Endpoints)
	if len(list) == 0 {
		p.takeEmpty(a.Why, now)
		return
	}
	if p.why != "" && p.started {
		p.log.errorf("there are %d endpoints again", len(list))
	}
	p.why, p.said, p.believeAt = "", "", time.Time{}
	if same(list, p.list) {
		return
	}
	p.started, p.list, p.ordered = true, list, list
	if a.Ordered {
		p.ordered = distinct(a.Endpoints)
	}
	p.refusals = 0
	p.offer(now)
}

func (p *publisher) skip(err error) {
	var text string
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != p.skipped {
		p.log.errorf("left out: %s", text)
	}
	p.skipped = text
}

func (p *publisher) takeEmpty(why string, now time.Time) {
	switch first := p.why == ""; {
	case p.list == nil:
		p.report(p.log.errorOf("no endpoints: %s", why))
	case first && p.hold > 0:
		p.believeAt = now.Add(p.hold)
		p.log.errorf("no endpoints: %s; keeping the last %d for %v", why, len(p.list), p.hold)
	case first:
		p.believeAt = now
	}
	p.why = why
}

// report tells the channel why there is no list, once for each reason. The
// channel heeds it only while it has none.
func (p *publisher) report(err error) {
	if err.Error() == p.said {
		return
	}
	p.said = err.Error()
	p.log.errorf("%s; calls fail", p.log.cut(err))
	p.cc.ReportError(err)
}

// act does what is due.
func (p *publisher) act(now time.Time) {
	if !p.believeAt.IsZero() && !now.Before(p.believeAt) {
		p.believe()
	}
	if !p.retryAt.IsZero() && !now.Before(p.retryAt) {
		p.offer(now)
	}
}

// believe publishes that there is no endpoint. Policies answer that with an
// error, which is no reason to offer it again.
func (p *publisher) believe() {
	p.list, p.ordered = nil, nil
	p.believeAt, p.retryAt, p.refusals = time.Time{}, time.Time{}, 0
	_ = p.cc.UpdateState(resolver.State{})
	p.report(p.log.errorOf("no endpoints: %s", p.why))
}

func (p *publisher) offer(now time.Time) {
	p.retryAt = time.Time{}
	err := p.cc.UpdateState(state(p.ordered))
	if err == nil {
		p.refusals = 0
		return
	}
	p.refusals++
	wait := doubled(firstRetry, maxRetry, p.refusals)
	p.retryAt = now.Add(wait)
	p.log.warningf("the balancer refused the list of %d endpoints: %v; offering it again in %v", len(p.list), err, wait)
}

func state(list []resolver.Endpoint) resolver.State {
	s := resolver.State{Endpoints: list}
	for _, e := range list {
		s.Addresses = append(s.Addresses, e.Addresses...)
	}
	return s
}
