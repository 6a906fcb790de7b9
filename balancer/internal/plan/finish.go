package plan

import (
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/locality"
)

// Retract takes back a pick whose call was not sent.
func (pl *Plan) Retract(p Pick) {
	e := p.Endpoint
	e.Retract()
	if p.stream {
		e.Closed()
	}
	if p.single {
		e.Ejection.Release()
	}
	if p.Rule != Report {
		e.other[p.Rule].Add(-1)
	}
}

// Finish counts the end, at now, of a call that was picked.
func (pl *Plan) Finish(now int64, p Pick, end End) {
	e := p.Endpoint
	if p.stream {
		e.Closed()
	}
	e.hear(now, &end)
	if end.Pushback > 0 {
		e.Rest(now, end.Pushback)
	}
	if end.Weight > 1 && !p.stream && !end.Overloaded && end.Outcome == choose.Success && e.calm() {
		e.Ejection.Skimmed(end.Weight - 1)
	}
	pl.judge(now, p, end)
	if e.Endpoint.Finish(now, end.End, &pl.params.Choose) {
		p.part.pool.Offer(&e.Endpoint)
	}
	p.part.tier.tend(now, pl)
}

// Skim counts the end of a call that ended well, and takes in nothing else of it. It
// reports false, and does nothing, where more is at stake: then Finish it.
func (pl *Plan) Skim(p *Pick) bool {
	if p.stream || p.single || !p.Endpoint.calm() {
		return false
	}
	p.Endpoint.Skim()
	return true
}

// calm reports whether nothing is out of the ordinary, so that one success is as good as
// another.
func (e *Endpoint) calm() bool {
	return e.Calm() && e.Ejection.Calm() && e.draining.Load() == 0
}

// hear takes in what a report says beside the load.
func (e *Endpoint) hear(now int64, end *End) {
	switch {
	case end.Reported:
		e.Drain(now, end.Draining)
		e.Heat(now, end.Overloaded)
	case end.Loaded:
		e.Heat(now, end.Utilization >= 1)
	}
}

// Overloaded reports whether every endpoint of the picked one's tier that could take a call has
// said lately that it is overloaded: no choice among them helps. It is linear in the endpoints where
// they are, and is to be asked only after a pick of one that is.
func (pl *Plan) Overloaded(p *Pick, now int64) bool {
	for _, i := range p.part.tier.index {
		e := pl.members[i].Endpoint
		if !e.Overloaded(now) && !e.Draining(now) && e.Ejection.Admitted() {
			return false
		}
	}
	return true
}

// MayWantProbe reports whether WantProbe is worth a call.
func (pl *Plan) MayWantProbe(p *Pick, now int64) bool { return p.part.pool.Wakeful(now) }

// WantProbe returns an endpoint beside the one that was picked of which a report is
// wanted that no call brings soon, see [choose.Set.WantProbe]. It is not counted
// as picked: only Index and Endpoint are set, for Probed.
func (pl *Plan) WantProbe(p Pick, now int64, r uint64) (Pick, bool) {
	k, ok := p.part.set.WantProbe(now, r)
	if !ok {
		return Pick{}, false
	}
	i := p.part.index[k]
	return Pick{Index: i, Endpoint: pl.members[i].Endpoint, part: p.part}, true
}

// Probed takes in the report that an endpoint gave, at now, when it was asked. Of end, only
// what was reported counts.
func (pl *Plan) Probed(now int64, p Pick, end End) {
	p.Endpoint.hear(now, &end)
	if p.Endpoint.Probed(now, end.End, &pl.params.Choose) {
		p.part.pool.Offer(&p.Endpoint.Endpoint)
	}
}

// tend does what is to be done from time to time.
func (t *tier) tend(now int64, pl *Plan) {
	if t.group.Due(now) {
		t.sweep(now, pl)
	}
	if t.home != nil && t.away != nil && t.spill.Due(now) {
		t.spill.Update(now, t.home.load(now, pl), t.away.load(now, pl))
	}
}

// judge tells ejection of the end of a call.
func (pl *Plan) judge(now int64, p Pick, end End) {
	e := p.Endpoint
	if end.Outcome == choose.Unknown {
		if p.single {
			e.Ejection.Release()
		}
		return
	}
	took := float64(end.Elapsed)
	if p.stream || end.Took == 0 || end.Outcome == choose.Refused {
		took = -took // no measure of speed
	}
	if e.Ejection.Count(now, end.Outcome == choose.Failure, took, &pl.params.Eject) {
		e.Bar(!p.part.tier.group.Panic())
		if pl.observer != nil {
			pl.observer.Ejected(e)
		}
		return
	}
	if p.single && e.Ejection.Admitted() {
		e.Bar(e.Draining(now))
	}
}

// sweep judges the endpoints of the tier against each other, and sees what follows.
func (t *tier) sweep(now int64, pl *Plan) {
	summary := t.group.Sweep(now, t.states, &pl.params.Eject)
	for _, i := range t.index {
		e := pl.members[i].Endpoint
		e.Bar(e.Draining(now) || !summary.Panic && !e.Ejection.Admitted())
		e.Ration(e.Ejection.Share(now, &pl.params.Eject))
	}
	pl.split(now)
	if pl.observer != nil {
		pl.observer.Swept(t.priority, summary)
	}
}

// coolDepth is how many requests at a server are no heat whatever the others have: what
// waits there shows in its latency.
const coolDepth = 4

// load is how hot the endpoints of the part are, by their reports: the product of what
// requests take and how many there are.
func (q *part) load(now int64, pl *Plan) locality.Load {
	var l locality.Load
	known := 0
	for _, i := range q.index {
		e := pl.members[i].Endpoint
		if e.Draining(now) || !e.Ejection.Admitted() {
			continue
		}
		l.Endpoints++
		if depth, latency, ok := e.Load(now, pl.params.Choose.Expiry); ok {
			l.Temperature += latency * max(depth, coolDepth)
			known++
		}
	}
	if known > 0 {
		l.Temperature /= float64(known)
		l.Known = true
	}
	return l
}

// split divides the calls among the tiers by how many of their endpoints are well.
func (pl *Plan) split(now int64) {
	if len(pl.tiers) == 1 {
		return
	}
	healthy, shares := make([]float64, len(pl.tiers)), make([]float64, len(pl.tiers))
	for k, t := range pl.tiers {
		well := 0
		for _, i := range t.index {
			if e := pl.members[i].Endpoint; !e.Draining(now) && e.Ejection.Admitted() {
				well++
			}
		}
		healthy[k] = float64(well) / float64(t.total)
	}
	locality.Split(healthy, shares)
	pl.shares.Store(&shares)
}
