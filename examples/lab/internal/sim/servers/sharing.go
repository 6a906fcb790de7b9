package servers

import "github.com/freshet-io/freshet/examples/lab/internal/sim/engine"

// Sharing is a number of cores that all requests share equally, each request at most one
// of them: processor sharing, as goroutines have it. Nothing waits, so nothing is
// dropped.
type Sharing struct {
	speed float64
	cores float64

	served float64 // work that each request which was there all the time has had
	since  int64   // when that was brought up to date
	heap   []share // by what served will be when they are done
}

type share struct {
	until float64
	id    int32
}

// NewSharing returns an idle server.
func NewSharing(cores int, speed float64) *Sharing {
	return &Sharing{speed: speed, cores: float64(cores)}
}

// rate is how much work a ns does for each request.
func (s *Sharing) rate() float64 {
	return s.speed * min(1, s.cores/float64(max(len(s.heap), 1)))
}

func (s *Sharing) advance(now int64) {
	if len(s.heap) == 0 {
		s.served = 0 // keeps the precision
	} else {
		s.served += float64(now-s.since) * s.rate()
	}
	s.since = now
}

// Add implements Queue.
func (s *Sharing) Add(now int64, id int32, work float64, _ int64) {
	s.advance(now)
	s.heap = append(s.heap, share{s.served + work, id})
	i := len(s.heap) - 1
	for i > 0 && s.before(i, (i-1)/2) {
		s.heap[i], s.heap[(i-1)/2] = s.heap[(i-1)/2], s.heap[i]
		i = (i - 1) / 2
	}
}

func (s *Sharing) before(i, j int) bool {
	a, b := &s.heap[i], &s.heap[j]
	return a.until < b.until || a.until == b.until && a.id < b.id
}

// Next implements Queue.
func (s *Sharing) Next() int64 {
	if len(s.heap) == 0 {
		return engine.Never
	}
	return s.since + max(int64((s.heap[0].until-s.served)/s.rate()+0.5), 0)
}

// Pop implements Queue.
func (s *Sharing) Pop(now int64) int32 {
	s.advance(now)
	id := s.heap[0].id
	n := len(s.heap) - 1
	s.heap[0] = s.heap[n]
	s.heap = s.heap[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && s.before(c+1, c) {
			c++
		}
		if !s.before(c, i) {
			break
		}
		s.heap[i], s.heap[c] = s.heap[c], s.heap[i]
		i = c
	}
	return id
}

// Dropped implements Queue.
func (s *Sharing) Dropped() int32 { return -1 }

// SetSpeed implements Queue.
func (s *Sharing) SetSpeed(now int64, speed float64) {
	s.advance(now)
	s.speed = speed
}

// Remove implements Queue.
func (s *Sharing) Remove(now int64) []int32 {
	s.advance(now)
	ids := make([]int32, len(s.heap))
	for i, h := range s.heap {
		ids[i] = h.id
	}
	s.heap = s.heap[:0]
	return ids
}

// Busy implements Queue.
func (s *Sharing) Busy() float64 { return min(1, float64(len(s.heap))/s.cores) }

// Expected implements Queue. It takes nothing to come later, and those that come before to have as
// much work each.
func (s *Sharing) Expected(now int64, work float64, _ int, their float64) float64 {
	served := s.served + float64(now-s.since)*s.rate()
	left := min(their, work) + work
	for _, h := range s.heap {
		left += min(h.until-served, work)
	}
	return max(work, left/s.cores) / s.speed
}

// Speed implements Queue.
func (s *Sharing) Speed() float64 { return s.speed }
