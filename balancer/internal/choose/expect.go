package choose

import (
	"math"
	"time"
)

const (
	// base is what is added to the requests in flight before they are multiplied
	// with the latency.
	base = 2.0
	// remembered is how long others' load is believed, in latencies: after that time,
	// by half.
	remembered = 5.0
	// A report seems to be less bad with age, by its part of hope, in ns, and at most
	// leastHope: a server that was slow once may not be so for ever.
	hope      = float32(2 * time.Minute)
	leastHope = 1.0 / 8
)

// expected is what a call is expected to take here, by reports, and false if the
// latency is not known. See the package comment. It is most of what a pick costs,
// so it computes in float32, and without min and max, which heed NaN.
func (e *Endpoint) expected(now int64) (cost float32, ok bool) {
	w := e.speed.Load()
	service := math.Float32frombits(uint32(w >> 32))
	if service == 0 {
		return 0, false
	}
	return e.expectedAt(now, w, service), true
}

// expectedAt is expected at a given latency; w is the word speed.
func (e *Endpoint) expectedAt(now int64, w uint64, service float32) (cost float32) {
	l := e.load.Load()
	others, average := math.Float32frombits(uint32(l>>32)), math.Float32frombits(uint32(l))
	left := float32(1) // of its badness
	if d := int32(uint32(now>>stampShift) - uint32(w)); d > 0 {
		old, memory := float32(d)*(1<<stampShift), remembered*service
		others = average + (others-average)*memory/(memory+old)
		if left -= old * (1 / hope); left < leastHope {
			left = leastHope
		}
	}
	cost = service * (base + 1 + others + float32(e.InFlight()))
	if floor, _ := e.floor.Load(); float32(floor) > service {
		cost += (base + 1) * (float32(floor) - service)
	}
	return cost * left
}

// lasting is what a server that has not reported for long is expected to be like: the
// latency and others' average load.
func (e *Endpoint) lasting() (service, others float64) {
	service, _ = unpack(e.speed.Load())
	_, others = unpack(e.load.Load())
	return service, others
}

// settled is the cost by what lasts, where service is the latency.
func (e *Endpoint) settled(service float64) float32 {
	_, others := e.lasting()
	floor, _ := e.floor.Load()
	return float32((base+1)*max(floor-service, 0) + service*(base+1+others+float64(e.InFlight())))
}
