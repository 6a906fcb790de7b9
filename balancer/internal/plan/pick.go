package plan

import (
	"math/bits"

	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/locality"
)

const (
	// failing is a share of failed calls that makes a choice worth another look, at
	// this many others.
	failing = 0.05
	others  = 8
	// steps is how far a call with a key walks: the more endpoints are passed over,
	// the less the next one has to do with the key.
	steps = 16
	// sampled is of how many endpoints calls are added up for a bound.
	sampled = 64
)

// Pick chooses a member for a call that begins at now, and counts the call as in
// flight there. R is 64 random bits. It reports false if every endpoint that could
// take the call is at its cap.
func (pl *Plan) Pick(now int64, r uint64, c Call) (p Pick, ok bool) {
	ok = pl.PickInto(&p, now, r, &c)
	return p, ok
}

// PickInto is Pick, with the pick in p. It keeps neither p nor c.
func (pl *Plan) PickInto(p *Pick, now int64, r uint64, c *Call) bool {
	// A key stays where it is, tier and zone included.
	bits := r
	if c.HasKey {
		bits = c.Key
	}
	t := pl.tiers[0]
	if shares := pl.shares.Load(); shares != nil {
		t = pl.tiers[max(locality.Tier(*shares, mix(bits, 1)), 0)]
	}
	q := t.side(bits)
	t.tend(now, pl)
	if pl.try(p, now, r, t, q, c) {
		return true
	}
	// Elsewhere there may be room.
	for _, other := range pl.tiers {
		for _, part := range [2]*part{other.home, other.away} {
			if part == nil || part == q {
				continue
			}
			if pl.try(p, now, r, other, part, c) {
				return true
			}
		}
	}
	return false
}

// side is the part of the tier that gets the call with these bits.
func (t *tier) side(bits uint64) *part {
	switch {
	case t.home == nil:
		return t.away
	case t.away != nil && t.spill.Remote(mix(bits, 2)):
		return t.away
	default:
		return t.home
	}
}

// try chooses within a part, and fails if all there are at their cap.
func (pl *Plan) try(p *Pick, now int64, r uint64, t *tier, q *part, c *Call) bool {
	panics := t.group.Panic()
	if c.Avoid == nil && !panics && t.group.Waiting() {
		if pl.trial(p, now, t, c) {
			return true
		}
	}
	if c.HasKey {
		if pl.affine(p, now, t, q, panics, c) {
			return true
		}
	}
	k, rule := q.set.Pick(now, mix(r, 3))
	if f := pl.members[q.index[k]].Failing(now, &pl.params.Choose); f > failing {
		k = pl.healthier(now, r, q, k, f)
	}
	if pl.eligible(now, q.index[k], panics, c) {
		if pl.begin(p, now, q, q.index[k], ruleOf(rule, panics), c) {
			return true
		}
	}
	return pl.second(p, now, r, q, panics, c)
}

// healthier is, of the choice and some random others, the one that fails least: where
// all but one fail, that one must be found, and soon.
func (pl *Plan) healthier(now int64, r uint64, q *part, k int, failing float64) int {
	for n := range uint64(others) {
		j, _ := bits.Mul64(mix(r, 20+n), uint64(len(q.index)))
		if f := pl.members[q.index[j]].Failing(now, &pl.params.Choose); f < failing {
			k, failing = int(j), f
		}
	}
	return k
}

// second chooses again, and now only among those that may get the call. It is apart
// from try, so that only calls that need it pay for its closure.
func (pl *Plan) second(p *Pick, now int64, r uint64, q *part, panics bool, c *Call) bool {
	again := *c
	k, rule := q.set.PickWhere(now, mix(r, 4), func(k int) bool {
		i := q.index[k]
		return pl.members[i].InFlight() < pl.params.Cap && pl.eligible(now, i, panics, &again)
	})
	if pl.eligible(now, q.index[k], panics, c) {
		if pl.begin(p, now, q, q.index[k], ruleOf(rule, panics), c) {
			return true
		}
	}
	return pl.any(p, now, r, q, panics, c)
}

// trial sends the call to an ejected endpoint that wants a single one.
func (pl *Plan) trial(p *Pick, now int64, t *tier, c *Call) bool {
	k := t.group.Trial(now, t.states)
	if k < 0 {
		return false
	}
	if i := t.index[k]; !pl.members[i].Draining(now) {
		if pl.begin(p, now, t.parts[k], i, Probation, c) {
			p.single = true
			return true
		}
	}
	t.states[k].Release()
	return false
}

// any takes a random endpoint that may be used, and else one that should not be.
func (pl *Plan) any(p *Pick, now int64, r uint64, q *part, panics bool, c *Call) bool {
	for _, strict := range [2]bool{true, false} {
		start, _ := bits.Mul64(mix(r, 16), uint64(len(q.index)))
		for k := range q.index {
			i := q.index[(int(start)+k)%len(q.index)]
			if strict && !pl.eligible(now, i, panics, c) {
				continue
			}
			rule := TwoChoices
			if panics || !strict {
				rule = Panic
			}
			if pl.begin(p, now, q, i, rule, c) {
				return true
			}
		}
	}
	return false
}

// affine takes the first endpoint in the order of the key that has room.
func (pl *Plan) affine(p *Pick, now int64, t *tier, q *part, panics bool, c *Call) bool {
	bound := int64(affinity.Bound(pl.params.Balance, q.inFlight(pl), len(q.index)))
	walk := t.ringOf(q).First(c.Key)
	for range steps {
		k, ok := walk.Next()
		if !ok {
			break
		}
		i := q.index[k]
		if pl.members[i].InFlight() >= bound || !pl.eligible(now, i, panics, c) {
			continue
		}
		if pl.begin(p, now, q, i, Affinity, c) {
			return true
		}
	}
	return false
}

// inFlight adds up this client's calls in flight in the part, those of a sample
// where there are many endpoints.
func (q *part) inFlight(pl *Plan) int {
	n := len(q.index)
	stride := max(n/sampled, 1)
	sum, seen := 0, 0
	for k := 0; k < n; k += stride {
		sum += int(pl.members[q.index[k]].InFlight())
		seen++
	}
	return sum * n / seen
}

// eligible reports whether a member should get the call.
func (pl *Plan) eligible(now int64, i int, panics bool, c *Call) bool {
	e := pl.members[i].Endpoint
	if e.Draining(now) || c.Avoid != nil && c.Avoid(e) {
		return false
	}
	return panics || e.Ejection.Admitted()
}

// begin counts the call, unless the endpoint is at its cap.
func (pl *Plan) begin(p *Pick, now int64, q *part, i int, rule Rule, c *Call) bool {
	e := pl.members[i].Endpoint
	if !e.BeginUnder(now, pl.params.Cap) {
		return false
	}
	if c.Stream {
		e.Opened()
	}
	if rule != Report {
		e.other[rule].Add(1)
	}
	*p = Pick{Index: i, Rule: rule, Endpoint: e, Start: now, part: q, stream: c.Stream}
	return true
}

func ruleOf(r choose.Rule, panics bool) Rule {
	switch {
	case panics:
		return Panic
	case r == choose.Only:
		return Only
	case r == choose.Report:
		return Report
	default:
		return TwoChoices
	}
}
