package locality_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/locality"
)

// tick is the step of the simulation.
const tick = 10 * time.Millisecond

// zone is a number of equal servers and the clients that live beside them. Calls
// in flight at a server follow the fluid approximation of M/M/1 (pointwise
// stationary: throughput speed x r/(1+r)), and give up after patience.
type zone struct {
	servers float64
	speed   float64 // calls per second of one server
	rate    float64 // calls per second of all clients of the zone
	flight  float64 // calls in flight at one server
	past    []float64
	clients []*locality.Spill
}

const patience = 5.0

// world is three zones whose clients see how busy the others were up to 1 s ago.
type world struct {
	zones  [3]*zone
	now    time.Duration
	rng    *rand.Rand
	noise  float64
	greedy bool // all calls that leave go to what seemed to be the coldest zone
}

// layout says what a world is like.
type layout struct {
	servers [3]float64
	load    [3]float64 // of the zone's own servers by its own clients
	speed   float64
	noise   float64
	greedy  bool
}

func newWorld(seed uint64, l layout) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), noise: l.noise, greedy: l.greedy}
	for i := range w.zones {
		z := &zone{servers: l.servers[i], speed: l.speed, rate: l.load[i] * l.servers[i] * l.speed}
		for range [3]int{50, 30, 20}[i] {
			z.clients = append(z.clients, locality.NewSpill(locality.Config{}, w.rng.Uint64()))
		}
		w.zones[i] = z
	}
	return w
}

// run goes on for d and calls each after every step.
func (w *world) run(d time.Duration, each func()) {
	for end := w.now + d; w.now < end; {
		w.now += tick
		var in [3]float64
		for _, z := range w.zones {
			z.past = append(z.past, z.flight)
		}
		for i, z := range w.zones {
			for _, c := range z.clients {
				w.update(i, c)
			}
			leaving := z.rate * w.share(i)
			in[i] += z.rate - leaving
			for o, part := range w.parts(i) {
				in[o] += leaving * part
			}
		}
		const fine = 5
		for i, z := range w.zones {
			for range fine {
				flow := in[i]/z.servers - z.speed*z.flight/(1+z.flight) - z.flight/patience
				z.flight = max(0, z.flight+flow*tick.Seconds()/fine)
			}
		}
		if each != nil {
			each()
		}
	}
}

// update shows a client of zone i what it sees, if it wants to look.
func (w *world) update(i int, c *locality.Spill) {
	if !c.Due(int64(w.now)) {
		return
	}
	ago := w.rng.IntN(int(time.Second / tick))
	seen := func(z *zone) float64 {
		return (1 + z.past[max(len(z.past)-1-ago, 0)]) * math.Exp(w.noise*w.rng.NormFloat64())
	}
	var sum, n float64
	for o, z := range w.zones {
		if o != i {
			sum += seen(z) * z.servers
			n += z.servers
		}
	}
	local := locality.Load{Temperature: seen(w.zones[i]), Endpoints: int(w.zones[i].servers), Known: true}
	c.Update(int64(w.now), local, locality.Load{Temperature: sum / n, Endpoints: int(n), Known: true})
}

// parts says how the calls that leave zone i divide among the others, by what was
// half a second ago.
func (w *world) parts(i int) (part [3]float64) {
	best, sum := -1, 0.0
	heat := func(o int) float64 { z := w.zones[o]; return 1 + z.past[max(len(z.past)-50, 0)] }
	for o, z := range w.zones {
		if o == i {
			continue
		}
		part[o] = z.servers / (heat(o) * heat(o))
		sum += part[o]
		if best < 0 || heat(o) < heat(best) {
			best = o
		}
	}
	for o := range part {
		part[o] /= sum
		if w.greedy {
			part[o] = 0
		}
	}
	if w.greedy {
		part[best] = 1
	}
	return part
}

// lose takes servers from zone i, and what they had in flight.
func (w *world) lose(i int, servers float64) { w.zones[i].servers -= servers }

// gain adds idle servers to zone i.
func (w *world) gain(i int, servers float64) {
	z := w.zones[i]
	z.flight *= z.servers / (z.servers + servers)
	z.servers += servers
}

// share is the mean share of calls that leave zone i.
func (w *world) share(i int) float64 {
	sum := 0.0
	for _, c := range w.zones[i].clients {
		sum += c.Share()
	}
	return sum / float64(len(w.zones[i].clients))
}

// ratio is the temperature of zone i against that of the others.
func (w *world) ratio(i int) float64 {
	var sum, n float64
	for o, z := range w.zones {
		if o != i {
			sum += (1 + z.flight) * z.servers
			n += z.servers
		}
	}
	return (1 + w.zones[i].flight) * n / sum
}

// series sums up a quantity over time.
type series struct{ n, sum, least, most float64 }

func (s *series) add(x float64) {
	if s.n == 0 {
		s.least, s.most = x, x
	}
	s.n++
	s.sum += x
	s.least, s.most = min(s.least, x), max(s.most, x)
}

func (s *series) mean() float64 { return s.sum / s.n }

// seeds are those that every simulation is run with.
func seeds(t *testing.T, run func(t *testing.T, seed uint64)) {
	t.Helper()
	for seed := range uint64(3) {
		run(t, seed+1)
	}
}
