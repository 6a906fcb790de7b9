package policies

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/virtual"
)

// freshet is a channel with the policy of this module.
type freshet struct {
	client  *virtual.Client
	rng     *rand.Rand
	all     *freshetCalls
	asked   []virtual.Probe // by server
	numbers []int           // of endpoints, by server
	servers []int           // by number
}

// freshetCalls are the picks of all clients, by call.
type freshetCalls struct {
	picks []virtual.Pick
}

func makeFreshet(config balancer.Config) func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
	return func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
		all := new(freshetCalls)
		client := func(number int) (Client, error) {
			c, err := virtual.NewClient(config, f.Servers, f.Seed<<20+uint64(number))
			if err != nil {
				return nil, fmt.Errorf("sim: client %d: %w", number, err)
			}
			v := &freshet{client: c, rng: f.Random, all: all, asked: make([]virtual.Probe, f.Servers)}
			for i := range f.Servers {
				v.numbers, v.servers = append(v.numbers, i), append(v.servers, i)
			}
			return v, nil
		}
		return client, func(int) Meter { return &freshetMeter{server: virtual.NewServer()} }
	}
}

func (c *freshet) Pick(now int64, call int32, _ float64, failed []int) int {
	var tried []int
	for _, server := range failed {
		tried = append(tried, c.numbers[server])
	}
	p, ok := c.client.Pick(time.Duration(now), c.rng.Uint64(), virtual.Call{Failed: tried})
	if !ok {
		return -1
	}
	for int(call) >= len(c.all.picks) {
		c.all.picks = append(c.all.picks, virtual.Pick{})
	}
	c.all.picks[call] = p
	return c.servers[p.Endpoint]
}

func (c *freshet) Done(now int64, call int32, _ int, e End) {
	d := virtual.Done{Code: e.Code}
	if e.Load != nil {
		d.Report = e.Load.Freshet
	}
	c.client.Done(time.Duration(now), c.all.picks[call], d)
}

func (c *freshet) Probes(now int64, call int32, to []int) []int {
	p, ok := c.client.WantProbe(time.Duration(now), c.all.picks[call], c.rng.Uint64())
	if !ok {
		return to
	}
	server := c.servers[p.Endpoint]
	c.asked[server] = p
	return append(to, server)
}

func (c *freshet) Probed(now int64, server int, l *Load) {
	c.client.Probed(time.Duration(now), c.asked[server], l.Freshet)
}

func (c *freshet) SetReady(now int64, server int, ready, fresh bool) {
	at := time.Duration(now)
	if !fresh {
		c.client.SetReady(at, c.numbers[server], ready)
		return
	}
	c.client.Remove(at, c.numbers[server])
	c.numbers[server] = c.client.Add(at, "", 0)
	c.servers = append(c.servers, server)
}

type freshetMeter struct{ server *virtual.Server }

func (m *freshetMeter) Arrive(int64, int) { m.server.Begin() }

func (m *freshetMeter) Depart(now int64, s Served, _ int) {
	m.server.End(time.Duration(now), time.Duration(s.Arrived), s.OK)
}

func (m *freshetMeter) Load(now int64, _ int, l *Load) {
	l.Freshet = m.server.Probe(time.Duration(now))
}

func (m *freshetMeter) Occupy(int64, float64) {}

// Drain implements Drainer.
func (m *freshetMeter) Drain() { m.server.Drain() }
