package choose

import "math/bits"

const (
	// maxCredit is how many probes may be made at once, in tenths, and at first.
	maxCredit = 40
	// probePrice makes a probe the tenth part of as many calls.
	probePrice = 10
	// probePause is the time, in ns, in which the need of a probe is considered once.
	probePause = 50_000_000
	// enough is how many fresh reports make a probe unnecessary, and enoughFresh the
	// part of the expiry that is fresh here.
	enough      = 2
	enoughFresh = 4
)

// Wakeful reports whether it is time to consider the need of a probe.
func (p *Pool) Wakeful(now int64) bool { return now >= p.wakeful.Load() }

// WantProbe returns a member whose report is wanted for which there is no call to
// carry it, and false if there is none: few of those that are compared have reported
// lately, as at the start, after a pause, and at low rates. It allows
// one probe for ten picks, and four at the start. A call in flight is expected to bring a
// report, but not by a server that reports only out of band. It may be asked as often as one likes,
// and mostly costs one load. R is 64 random bits.
func (s *Set) WantProbe(now int64, r uint64) (int, bool) {
	p := s.pool
	next := p.wakeful.Load()
	if now < next || !p.wakeful.CompareAndSwap(next, now+probePause) {
		return 0, false
	}
	credit := p.credit.Load()
	if len(s.members) == 1 || credit < probePrice || s.informed(now) >= enough {
		return 0, false
	}
	n := len(s.members)
	start, _ := bits.Mul64(r, uint64(n))
	for k := range min(n, exploreScan) {
		i := (int(start) + k) % n
		e := s.members[i]
		if e.open(now) && (e.InFlight() <= e.streams.Load() || e.mute.Load()) && !e.fresh(now, s.params.Expiry/enoughFresh) &&
			p.credit.CompareAndSwap(credit, credit-probePrice) {
			return i, true
		}
	}
	return 0, false
}

// informed is how many of those that a pick compares have reported lately.
func (s *Set) informed(now int64) (n int) {
	if s.all {
		for _, e := range s.members {
			if e.fresh(now, s.params.Expiry/enoughFresh) {
				n++
			}
		}
		return n
	}
	for k := range s.params.PoolSize {
		if e := s.pool.slots[k].Load(); e != nil && e.fresh(now, s.params.Expiry/enoughFresh) {
			n++
		}
	}
	return n
}
