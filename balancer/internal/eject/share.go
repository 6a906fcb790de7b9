package eject

import "math"

// firstShare is the share right after probation.
const firstShare = 0.1

// Arrived begins the slow start: the endpoint became ready for the first time, or
// after a long absence. R is 64 random bits, by which the client's jitter
// differs from that of others.
func (s *State) Arrived(now int64, r uint64) {
	s.seed.Store(r)
	s.arrived.Store(max(now, 1))
}

// Share is how much of its fair share of calls the endpoint should get, in (0, 1]:
// less than 1 for a while after its arrival and after an ejection. It is relative to the
// largest share in the group as of the last sweep. It says
// nothing of whether the endpoint is admitted.
func (s *State) Share(now int64, c *Config) float64 {
	arrived, returned := s.arrived.Load(), s.returned.Load()
	if arrived|returned == 0 {
		return 1
	}
	share := s.ramp(now, arrived, returned, c)
	if g := s.group.Load(); g != nil {
		if level := g.level(); level > 0 {
			share = min(share/level, 1)
		}
	}
	return share
}

// ramp is the product of both ramps; a start of 0 is none.
func (s *State) ramp(now, arrived, returned int64, c *Config) float64 {
	share := 1.0
	if arrived != 0 && c.SlowStart.Window > 0 {
		t := float64(now-arrived) / s.startWindow(c)
		if t < 1 {
			rise := t
			if c.SlowStart.Aggression != 1 {
				rise = math.Pow(max(t, 0), 1/c.SlowStart.Aggression)
			}
			share = max(float64(c.SlowStart.MinPercent)/100, rise)
		}
	}
	if returned != 0 {
		t := float64(now-returned) / float64(c.ReturnWindow)
		share *= min(max(firstShare, t), 1)
	}
	return share
}

// startWindow is the window of slow start, jittered by a quarter up and down.
func (s *State) startWindow(c *Config) float64 {
	return float64(c.SlowStart.Window) * (0.75 + 0.5*unit(mix(s.seed.Load())))
}

// endRamps clears the ramps that are over, after which Share costs nothing.
func (s *State) endRamps(now int64, c *Config) {
	arrived, returned := s.arrived.Load(), s.returned.Load()
	if arrived != 0 && (c.SlowStart.Window <= 0 || float64(now-arrived) >= s.startWindow(c)) {
		s.arrived.CompareAndSwap(arrived, 0)
	}
	if returned != 0 && now-returned >= int64(c.ReturnWindow) {
		s.returned.CompareAndSwap(returned, 0)
	}
}
