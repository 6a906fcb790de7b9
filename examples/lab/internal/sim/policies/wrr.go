package policies

import "math"

// weightedRoundRobin is grpc-go's weighted_round_robin (gRFC A58) with its default
// configuration and reports on each response: the weight of a server is
// qps / (utilization + eps/qps x penalty), from its last report; once a second the
// weights become a static stride schedule. A server is of mean weight for 10 s from its
// first report on, and without weight if it has not reported for 3 minutes.
type weightedRoundRobin struct {
	mute

	ready   ready
	nodes   []wrrNode
	next    int64 // when weights are looked at again
	seq     uint32
	weights []uint16 // by place in ready; nil: round robin
	values  []float64
}

type wrrNode struct {
	weight   float64
	updated  int64 // 0: never
	nonEmpty int64 // since when reports come; 0: they do not
}

const (
	wrrUpdate   = 1e9   // ns, weightUpdatePeriod
	wrrBlackout = 10e9  // blackoutPeriod
	wrrExpiry   = 180e9 // weightExpirationPeriod
	wrrPenalty  = 1     // errorUtilizationPenalty
	wrrMax      = 1<<16 - 1
)

func newWeightedRoundRobin(f *Fleet) *weightedRoundRobin {
	return &weightedRoundRobin{
		ready: newReady(f.Servers), nodes: make([]wrrNode, f.Servers), seq: f.Random.Uint32(),
		next: f.Random.Int64N(wrrUpdate),
	}
}

func (n *wrrNode) at(now int64) float64 {
	switch {
	case n.updated == 0:
		return 0
	case now-n.updated >= wrrExpiry:
		n.nonEmpty = 0
		return 0
	case n.nonEmpty == 0 || now-n.nonEmpty < wrrBlackout:
		return 0
	}
	return n.weight
}

// schedule makes the weights anew, as newScheduler in grpc-go's scheduler.go.
func (c *weightedRoundRobin) schedule(now int64) {
	n := len(c.ready.list)
	c.values = c.values[:0]
	sum, zero, most := 0.0, 0, 0.0
	for _, server := range c.ready.list {
		w := c.nodes[server].at(now)
		c.values = append(c.values, w)
		sum += w
		most = max(most, w)
		if w == 0 {
			zero++
		}
	}
	c.weights = c.weights[:0]
	if zero >= n-1 {
		return
	}
	scale := wrrMax / most
	mean := uint16(math.Round(scale * sum / float64(n-zero)))
	equal := true
	for _, v := range c.values {
		w := mean
		if v > 0 {
			w = uint16(math.Round(scale * v))
		}
		equal = equal && w == mean
		c.weights = append(c.weights, w)
	}
	if equal {
		c.weights = c.weights[:0]
	}
}

func (c *weightedRoundRobin) Pick(now int64, _ int32, _ float64, _ []int) int {
	n := uint64(len(c.ready.list))
	if n == 0 {
		return -1
	}
	if now >= c.next {
		c.next = now + wrrUpdate
		c.schedule(now)
	}
	if len(c.weights) == 0 {
		c.seq++
		return c.ready.list[uint64(c.seq)%n]
	}
	for { // as edfScheduler in scheduler.go
		c.seq++
		i, generation := uint64(c.seq)%n, uint64(c.seq)/n
		weight := uint64(c.weights[i])
		if (weight*generation+i*(wrrMax/2))%wrrMax >= wrrMax-weight {
			return c.ready.list[i]
		}
	}
}

func (c *weightedRoundRobin) Done(now int64, _ int32, server int, e End) {
	if e.Load == nil || e.Load.Util == 0 || e.Load.QPS == 0 {
		return
	}
	n := &c.nodes[server]
	n.weight = e.Load.QPS / (e.Load.Util + e.Load.EPS/e.Load.QPS*wrrPenalty)
	n.updated = now
	if n.nonEmpty == 0 {
		n.nonEmpty = now
	}
}

func (c *weightedRoundRobin) SetReady(now int64, server int, ready, _ bool) {
	c.ready.set(server, ready)
	if ready {
		c.nodes[server].updated, c.nodes[server].nonEmpty = 0, 0
	}
	c.schedule(now)
}

// utilization is the server's half: how busy its workers were in the last second, and how
// many requests, and failed ones, ended in it. The proposal leaves that time to the server.
type utilization struct {
	busy  float64 // now
	since int64   // when that was added up
	slot  int64   // the current one
	slots [utilSlots]utilSlot
	load  Load // of the full slots
}

type utilSlot struct {
	busy         float64 // ns
	done, failed int
}

const (
	utilSlots = 11 // ten full ones, and the current one
	utilSpan  = int64(100e6)
)

// pass adds up what has passed.
func (u *utilization) pass(now int64) {
	for {
		end := (u.slot + 1) * utilSpan
		s := &u.slots[u.slot%utilSlots]
		if now < end {
			s.busy += u.busy * float64(now-u.since)
			u.since = now
			return
		}
		s.busy += u.busy * float64(end-u.since)
		u.since = end
		u.slot++
		u.slots[u.slot%utilSlots] = utilSlot{}
		u.add()
	}
}

func (u *utilization) add() {
	var sum utilSlot
	for i, s := range u.slots {
		if int64(i) != u.slot%utilSlots {
			sum.busy += s.busy
			sum.done += s.done
			sum.failed += s.failed
		}
	}
	seconds := float64(min(u.slot, utilSlots-1)) * float64(utilSpan) / 1e9
	u.load = Load{Util: sum.busy / 1e9 / seconds, QPS: float64(sum.done) / seconds, EPS: float64(sum.failed) / seconds}
}

func (u *utilization) Arrive(int64, int) {}

func (u *utilization) Depart(now int64, s Served, _ int) {
	u.pass(now)
	slot := &u.slots[u.slot%utilSlots]
	slot.done++
	if !s.OK {
		slot.failed++
	}
}

func (u *utilization) Load(now int64, _ int, l *Load) {
	u.pass(now)
	l.Util, l.QPS, l.EPS = u.load.Util, u.load.QPS, u.load.EPS
}

func (u *utilization) Occupy(now int64, busy float64) {
	u.pass(now)
	u.busy = busy
}
