package eject

import "math"

// Summary is what a sweep found, and did.
type Summary struct {
	Members   int
	Ejected   int  // probation included, new ejections too
	Returning int  // on the ramp after an ejection
	Starting  int  // in slow start
	Unwell    int  // admitted, but failing or slow
	Panic     bool // ejection is to be ignored
	// New is how many the sweep has ejected, by reason.
	New [reasons]int
}

// Sweep judges the endpoints against each other, ejects and readmits, and corrects
// the number of the ejected where members have left. It must be called when Due
// says so and after every change of the members, with all of them: before its
// first sweep an endpoint is not ejected, and its ramp is not relative. It takes
// time linear in the number of states, and allocates only if that has grown.
func (g *Group) Sweep(now int64, states []*State, c *Config) Summary {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.interval.Store(int64(c.Interval))
	g.grow(len(states))
	g.allowed = allowed(len(states), c)

	sum := g.survey(now, states, c)
	g.correct(now, states, &sum, c)
	g.judge(states, &sum, c)
	if !sum.Panic {
		g.execute(now, states, &sum, c)
	}
	g.ejected = sum.Ejected
	g.panicked.Store(sum.Panic)
	g.schedule(now, states)
	g.last = now
	return sum
}

// allowed is how many of n may be ejected at a time.
func allowed(n int, c *Config) int {
	if n < 2 || c.MaxEjectionPercent <= 0 {
		return 0
	}
	return min(max(n*c.MaxEjectionPercent/100, 1), n-1)
}

func (g *Group) grow(n int) {
	if cap(g.scratch) < n {
		g.scratch = make([]float64, 0, n)
		g.worst = make([]float64, n)
	}
	g.worst = g.worst[:n]
}

// survey folds the counts, moves everybody on in time, and publishes what the group
// has in common.
func (g *Group) survey(now int64, states []*State, c *Config) Summary {
	sum := Summary{Members: len(states)}
	fade := newFader(now, g.last, c)
	var all tally
	var top float64
	logs := g.scratch[:0]
	for _, s := range states {
		if s.group.Load() != g {
			s.group.Store(g)
		}
		s.fold(&fade)
		s.advance(now, c)
		if s.until.Load() != 0 {
			sum.Ejected++
			continue
		}
		arrived, returned := s.arrived.Load(), s.returned.Load()
		switch {
		case returned != 0:
			sum.Returning++
		case arrived != 0:
			sum.Starting++
		}
		top = max(top, s.ramp(now, arrived, returned, c))
		calls, failures := unpair(s.window.Load())
		all.calls, all.failures = all.calls+calls, all.failures+failures
		if samples, log := unpair(s.speed.Load()); samples >= float64(c.RequestVolume) {
			logs = append(logs, log)
		}
	}
	g.sums.Store(pair(all.calls, all.failures))
	g.top.Store(math.Float64bits(top))
	g.limit.Store(math.Float64bits(slowLimit(logs, c)))
	return sum
}

// advance does what time brings: the end of ramps and of probation, and that past ejections are
// forgotten. No ejection lasts for more than MaxEjectionTime from here on, whatever it was when it began:
// who lowers it wants endpoints back (gRFC A50 computes the end at every sweep, too).
func (s *State) advance(now int64, c *Config) {
	s.endRamps(now, c)
	if until := s.until.Load(); until != 0 {
		if now >= until && int(s.streak.Load()) >= c.ProbationCalls {
			s.readmit(now, until, c)
		}
		if latest := now + int64(c.MaxEjectionTime); until > latest {
			s.until.CompareAndSwap(until, latest)
		}
		return
	}
	if times := s.times.Load(); times > 0 && now-s.eased.Load() >= int64(c.ReturnWindow) {
		s.eased.Store(now)
		s.times.CompareAndSwap(times, times-1)
	}
}

// correct readmits as many as are ejected beyond what is allowed, those
// first that have the least time left.
func (g *Group) correct(now int64, states []*State, sum *Summary, c *Config) {
	excess := sum.Ejected - g.allowed
	if excess <= 0 {
		return
	}
	ends := g.scratch[:0]
	for _, s := range states {
		if until := s.until.Load(); until != 0 {
			ends = append(ends, float64(until))
		}
	}
	if excess = min(excess, len(ends)); excess == 0 {
		return
	}
	latest := nth(ends, excess-1)
	for _, s := range states {
		if until := s.until.Load(); excess > 0 && until != 0 && float64(until) <= latest {
			s.readmit(now, until, c)
			excess--
			sum.Ejected--
			sum.Returning++
		}
	}
}

// judge finds who deserves ejection, how much, and whether too few are well.
func (g *Group) judge(states []*State, sum *Summary, c *Config) {
	calls, failures := unpair(g.sums.Load())
	all, slow := tally{calls, failures}, g.tooSlow()
	for i, s := range states {
		g.worst[i] = 0
		if s.until.Load() != 0 {
			continue
		}
		calls, failures := unpair(s.window.Load())
		own := tally{calls, failures}
		others, run := all.without(own), s.run.Load()
		switch samples, log := unpair(s.speed.Load()); {
		case improbable(run, others, c):
			g.worst[i] = severity(ConsecutiveFailures, 0)
		case failing(own, others, c):
			g.worst[i] = severity(FailurePercent, 1-own.share())
		case samples >= float64(c.RequestVolume) && unlog(log) > slow:
			g.worst[i] = severity(Latency, slow/unlog(log))
		}
		if g.worst[i] > 0 || inARow(run, c) || own.known(c) && own.share() >= 0.5 {
			sum.Unwell++
		}
	}
	well := len(states) - sum.Ejected - sum.Unwell
	sum.Panic = c.PanicPercent > 0 && well*100 < c.PanicPercent*len(states)
}

// severity orders those who deserve ejection: by reason, then by how far from
// harmless (1) they are.
func severity(r Reason, harmless float64) float64 {
	return float64(reasons-r) + 0.5*(1-harmless)
}

// reasonOf is the reason in a severity.
func reasonOf(severity float64) Reason { return reasons - Reason(severity) }

// execute ejects the worst, as many as are allowed.
func (g *Group) execute(now int64, states []*State, sum *Summary, c *Config) {
	free := g.allowed - sum.Ejected
	found := g.scratch[:0]
	for _, w := range g.worst {
		if w > 0 {
			found = append(found, -w)
		}
	}
	if free = min(free, len(found)); free <= 0 {
		return
	}
	least := -nth(found, free-1)
	// First all that are worse than the last one, then of those that are as bad.
	for _, tie := range [2]bool{false, true} {
		for i, w := range g.worst {
			if free > 0 && w > 0 && (w > least || tie && w == least) && states[i].eject(now, reasonOf(w), c) {
				g.worst[i] = 0
				free--
				sum.Ejected++
				sum.Unwell--
				sum.New[reasonOf(w)]++
			}
		}
	}
}

// schedule lists endpoints whose probation will be due before the next sweep. Where there are
// too many, it begins where the last list ended.
func (g *Group) schedule(now int64, states []*State) {
	n, horizon := len(states), now+g.interval.Load()
	found, scanned := 0, 0
	for ; scanned < n && found < maxTrials; scanned++ {
		i := (g.turn + scanned) % n
		if until := states[i].until.Load(); until != 0 && until <= horizon {
			g.trials[found].Store(int32(i))
			found++
		}
	}
	if n > 0 {
		g.turn = (g.turn + scanned) % n
	}
	g.waiting.Store(int32(found))
}
