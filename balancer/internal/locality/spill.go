package locality

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/hash64"
)

const (
	// DefaultMargin is by how much the own zone may be hotter than the others.
	DefaultMargin = 0.25
	// DefaultInterval is the mean time between two updates. Reports are up to 1 s
	// old, and a controller that acts faster than it sees swings.
	DefaultInterval = time.Second
)

const (
	// trickle is the share of calls that leaves to find out.
	trickle = 1.0 / 128
	// retreat is how much an uncontrolled share shrinks per interval.
	retreat = 0.1
	// forget is after how many intervals without update a Spill starts anew.
	forget = 10
)

// Config holds the settings of a Spill. The zero value has the defaults.
type Config struct {
	// Margin is by what part the own zone may be hotter than the others before
	// calls leave; 0.25 by default, also for values that are not above 0.
	Margin float64
	// MinLocal is the least number of endpoints that makes a zone. With fewer at
	// home, zones are disregarded; by default 1.
	MinLocal int
	// Interval is the mean time between updates; 1 s by default.
	Interval time.Duration
}

// Load is what is known of one side: the own zone, or all other zones together.
type Load struct {
	// Temperature is how busy the endpoints are on average, in any unit that both
	// sides share. It must have a floor well above 0, or two idle zones differ by
	// orders of magnitude: the expected time of a call, or 1 plus the requests in
	// flight.
	Temperature float64
	// Endpoints counts those that can be picked: connected, neither ejected nor
	// draining.
	Endpoints int
	// Known says that Temperature is from reports that are not stale.
	Known bool
}

func (l Load) known() bool {
	return l.Known && l.Temperature > 0 && !math.IsInf(l.Temperature, 1)
}

// Spill decides which calls of a channel leave the own zone, within one priority
// tier. All methods may be called concurrently; Due and Remote take no lock.
type Spill struct {
	interval float64
	minLocal int
	seed     uint64

	next    atomic.Int64  // when the next update is due
	leaving atomic.Uint64 // share of calls that leave, of 2^53

	mu   sync.Mutex
	last int64 // of the last update
	loop loop
}

// NewSpill returns a Spill that keeps all calls at home. seed is random bits,
// different for each client, that spread their updates over time.
func NewSpill(c Config, seed uint64) *Spill {
	if !(c.Margin > 0) {
		c.Margin = DefaultMargin
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	return &Spill{interval: float64(c.Interval), minLocal: c.MinLocal, seed: seed, loop: newLoop(c.Margin)}
}

// Due reports whether it is time for an Update, to one caller per interval. It
// costs one atomic load when it is not.
func (s *Spill) Due(now int64) bool {
	next := s.next.Load()
	if now < next {
		return false
	}
	wait := s.interval * (0.75 + 0.5*unit(hash64.Mix(s.seed^uint64(now))))
	return s.next.CompareAndSwap(next, now+int64(wait))
}

// Update takes in what is known of both sides at now, in ns since any base. The
// step that it makes is as large as the time since the last one, up to two
// intervals.
func (s *Spill) Update(now int64, local, remote Load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := float64(now-s.last) / s.interval
	s.last = now
	if steps > forget {
		s.loop.reset()
		steps = 1
	}
	s.leaving.Store(uint64(s.step(min(max(steps, 0), 2), local, remote) * (1 << 53)))
}

// step returns the share of calls that leaves from now on.
func (s *Spill) step(steps float64, local, remote Load) float64 {
	switch {
	case remote.Endpoints <= 0:
		s.loop.reset()
		return 0
	case local.Endpoints <= 0:
		s.loop.restart(1)
	case local.Endpoints < s.minLocal:
		s.loop.restart(float64(remote.Endpoints) / float64(remote.Endpoints+local.Endpoints))
	case !remote.known():
		s.loop.restart(s.loop.share - retreat*steps)
		return max(s.loop.share, trickle)
	case !local.known():
		s.loop.restart(s.loop.share - retreat*steps)
	default:
		s.loop.move(math.Log(local.Temperature/remote.Temperature), steps)
	}
	return s.loop.share
}

// Remote reports whether the call with the random bits r is for the endpoints of
// other zones, and only these; otherwise it is for the own zone's. The bits may
// be those of other decisions too: they are mixed first. A call with an affinity
// key should pass the hash of the key: then a key stays on one side as long as the
// share does, and few keys move when it moves. It costs one atomic load.
func (s *Spill) Remote(r uint64) bool {
	return hash64.Mix(r)>>11 < s.leaving.Load()
}

// Share returns the share of calls that leaves, from 0 to 1.
func (s *Spill) Share() float64 { return float64(s.leaving.Load()) / (1 << 53) }

// unit makes a number from 0 up to but not including 1 of 64 random bits.
func unit(r uint64) float64 { return float64(r>>11) / (1 << 53) }
