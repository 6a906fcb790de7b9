package eject

// Verdict is whether an endpoint may take a call.
type Verdict uint8

const (
	// Open takes calls.
	Open Verdict = iota
	// Single takes this one call on probation: the caller has won it.
	Single
	// Closed takes no call.
	Closed
)

// String returns the verdict in lower case.
func (v Verdict) String() string {
	switch v {
	case Open:
		return "open"
	case Single:
		return "single"
	default:
		return "closed"
	}
}

// Admit says whether the endpoint takes a call now. Who gets Single should send it
// this call, and count its end or Release it: otherwise the next one must
// wait for ProbationTimeout.
func (s *State) Admit(now int64) Verdict {
	until := s.until.Load()
	if until == 0 {
		return Open
	}
	return s.claim(now, until)
}

// Allowed reports whether Admit would not say Closed, and claims nothing.
func (s *State) Allowed(now int64) bool {
	until := s.until.Load()
	return until == 0 || now >= until && s.lease.Load() <= now
}

// Admitted reports whether the endpoint takes any calls, and not single ones or none.
func (s *State) Admitted() bool { return s.until.Load() == 0 }

// Release gives back the claim of a single call that was not sent or that
// its caller has cancelled.
func (s *State) Release() { s.lease.Store(0) }

// claim takes the single call on probation. The last one's end may never have
// come: it is a stream, or it was not counted. That is no failure, so that a
// service of nothing but streams can return; but it is no speed either.
func (s *State) claim(now, until int64) Verdict {
	if now < until {
		return Closed
	}
	lease := s.lease.Load()
	if lease > now || !s.lease.CompareAndSwap(lease, now+s.patience.Load()) {
		return Closed
	}
	if lease != 0 && Reason(s.reason.Load()) != Latency {
		s.streak.Add(1)
	}
	return Single
}

// countTrial counts a call that began after the ejection.
func (s *State) countTrial(now, until int64, failed bool, latency float64, c *Config) (ejected bool) {
	if now < until {
		return false
	}
	s.Release()
	g := s.group.Load()
	if Reason(s.reason.Load()) == Latency && g != nil && latency > g.tooSlow() {
		failed = true
	}
	if !failed {
		if int(s.streak.Add(1)) >= c.ProbationCalls {
			s.readmit(now, until, c)
		}
		return false
	}
	s.streak.Store(0)
	if g != nil && (g.Panic() || s.others(g).bad(c)) {
		return false
	}
	return s.extend(now, until, Reason(s.reason.Load()), c)
}

// eject ejects an admitted endpoint. Of those who try at once one succeeds.
func (s *State) eject(now int64, why Reason, c *Config) bool {
	return s.extend(now, 0, why, c)
}

// extend begins an ejection where the end of the former one, or 0, is until.
func (s *State) extend(now, until int64, why Reason, c *Config) bool {
	times := int64(s.times.Load()) + 1
	if base := int64(c.BaseEjectionTime); (times-1)*base >= int64(c.MaxEjectionTime) {
		times--
	}
	lasts := min(times*int64(c.BaseEjectionTime), int64(c.MaxEjectionTime))
	jitter := mix(s.seed.Load() ^ mix(uint64(now)))
	lasts -= int64(unit(jitter) * float64(lasts) / 4)
	if !s.until.CompareAndSwap(until, now+max(lasts, 1)) {
		return false
	}
	s.since.Store(max(now, 1))
	s.times.Store(int32(times))
	s.ejections.Add(1)
	s.reason.Store(uint32(why))
	s.patience.Store(int64(c.ProbationTimeout))
	s.returned.Store(0)
	s.streak.Store(0)
	s.lease.Store(0)
	s.forget()
	return true
}

// readmit ends an ejection.
func (s *State) readmit(now, until int64, c *Config) {
	if !s.until.CompareAndSwap(until, 0) {
		return
	}
	s.returned.Store(max(now, 1))
	s.eased.Store(now + int64(c.ReturnWindow))
	s.forget()
}

// forget drops what was counted: a new period begins.
func (s *State) forget() {
	s.run.Store(0)
	s.timed.Store(0)
	s.odd.Store(0)
	s.window.Store(0)
	s.speed.Store(0)
}

// mix spreads the bits of x: the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// unit maps 64 random bits to [0, 1).
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
