package eject

import "math"

// Between folds, an end of a call is one atomic addition: to timed, if it is a
// success with a latency, else to odd. Both hold a number of calls in the low bits.
const (
	timedBits  = 24 // of the number of latencies; the sum of logarithms is above
	oddBits    = 32
	oddSuccess = 1
	oddFailure = 1 << oddBits

	// A logarithm to base 2 has 8 binary digits, and so has at most 14 bits: the sum
	// of all that can be numbered does not overflow.
	logBits  = 8
	logShift = 52 - logBits
	logBase  = 1023 << logBits
)

// timedCall is what a latency adds to timed. The bits of a floating point number are
// its logarithm, with straight lines between the powers of two.
func timedCall(latency float64) uint64 {
	latency = min(max(latency, 1), 1<<62)
	return (math.Float64bits(latency)>>logShift-logBase)<<timedBits | 1
}

// unlog is the inverse of the logarithm.
func unlog(log float64) float64 {
	return math.Float64frombits(uint64((log + logBase) * (1 << logShift)))
}

// pair packs two floats into a word, so that readers see both of one moment.
func pair(a, b float64) uint64 {
	return uint64(math.Float32bits(float32(a)))<<32 | uint64(math.Float32bits(float32(b)))
}

func unpair(w uint64) (a, b float64) {
	return float64(math.Float32frombits(uint32(w >> 32))), float64(math.Float32frombits(uint32(w)))
}

// fader tells how much is left of old counts. Most states of a group were
// folded together.
type fader struct {
	now, last int64
	left, tau float64
}

func newFader(now, last int64, c *Config) fader {
	f := fader{now: now, last: last, tau: float64(c.Window)}
	f.left = f.since(last)
	return f
}

func (f *fader) since(at int64) float64 {
	return math.Exp(-float64(max(f.now-at, 0)) / f.tau)
}

// fold moves what was counted since the last fold into the faded windows.
func (s *State) fold(f *fader) {
	left := f.left
	if at := s.folded.Load(); at != f.last {
		left = f.since(at)
	}
	s.folded.Store(f.now)

	var timed, odd uint64
	if s.timed.Load() != 0 {
		timed = s.timed.Swap(0)
	}
	if s.odd.Load() != 0 {
		odd = s.odd.Swap(0)
	}
	if timed|odd|s.window.Load() == 0 {
		return
	}
	samples, failed := float64(timed&(1<<timedBits-1)), float64(odd>>oddBits)
	calls, failures := unpair(s.window.Load())
	calls = calls*left + samples + failed + float64(odd&(1<<oddBits-1))
	s.window.Store(pair(calls, failures*left+failed))

	count, log := unpair(s.speed.Load())
	count *= left
	if total := count + samples; total > 0 {
		log = (count*log + float64(timed>>timedBits)) / total
		s.speed.Store(pair(total, log))
	}
}
