package choose_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/service"
)

// world runs clients against servers in virtual time. Servers work on
// everything at once, so a call takes what the server's base latency says.
type world struct {
	now     int64
	events  events
	rng     *rand.Rand
	servers []*server
	clients []*client
}

type server struct {
	base     func(now time.Duration) time.Duration
	fails    func(now time.Duration) bool
	spread   float64 // sigma of the log-normal factor on base
	silent   bool    // sends no reports
	inFlight int64
	estimate service.Estimator
}

type client struct {
	params    choose.Params
	endpoints []*choose.Endpoint
	pool      *choose.Pool
	set       *choose.Set
}

type event struct {
	at int64
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func params() choose.Params {
	return choose.Params{PoolSize: choose.DefaultPool, Expiry: time.Second, Decay: 10 * time.Second}
}

func constant(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

func newWorld(seed uint64, clients int, p choose.Params, servers ...*server) *world {
	w := &world{now: 1, rng: rand.New(rand.NewPCG(seed, 1)), servers: servers}
	for range clients {
		c := &client{params: p, pool: choose.NewPool(p.PoolSize)}
		for range servers {
			c.endpoints = append(c.endpoints, new(choose.Endpoint))
		}
		c.set = choose.NewSet(p, c.pool, c.endpoints)
		w.clients = append(w.clients, c)
	}
	return w
}

func several(n int, one func() *server) []*server {
	out := make([]*server, n)
	for i := range out {
		out[i] = one()
	}
	return out
}

func (w *world) after(d time.Duration, do func()) {
	heap.Push(&w.events, event{w.now + int64(d), do})
}

// call sends one call of a random client and returns the server it went to.
func (w *world) call() int {
	c := w.clients[w.rng.IntN(len(w.clients))]
	i, _ := c.set.Pick(w.now, w.rng.Uint64())
	e, s := c.endpoints[i], w.servers[i]
	e.Begin(w.now)
	s.inFlight++
	factor := math.Exp(s.spread*w.rng.NormFloat64() - s.spread*s.spread/2)
	took := time.Duration(float64(s.base(time.Duration(w.now))) * factor)
	failed := s.fails != nil && s.fails(time.Duration(w.now))
	if failed {
		took = 100 * time.Microsecond
	}
	w.after(took, func() {
		s.inFlight--
		end := choose.End{Outcome: choose.Success, Took: took, Reported: !s.silent, InFlight: uint32(s.inFlight)}
		if failed {
			end.Outcome = choose.Failure
		} else {
			s.estimate.Add(w.now, took)
		}
		end.Latency = s.estimate.Estimate(w.now)
		if e.Finish(w.now, end, &c.params) {
			c.pool.Offer(e)
		}
	})
	return i
}

// run makes calls at the given rate, at random moments, for d, and counts them
// by server.
func (w *world) run(perSecond float64, d time.Duration) []int {
	counts := make([]int, len(w.servers))
	end := w.now + int64(d)
	var arrive func()
	arrive = func() {
		wait := time.Duration(w.rng.ExpFloat64()/perSecond*1e9) + 1
		if w.now+int64(wait) < end {
			w.after(wait, func() { counts[w.call()]++; arrive() })
		}
	}
	arrive()
	for len(w.events) > 0 && w.events[0].at < end {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
	return counts
}
