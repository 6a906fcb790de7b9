package choose

import (
	"time"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

// Knowledge is what an Endpoint knows, for people to read.
type Knowledge struct {
	InFlight int64         // of this client
	Streams  int64         // of those
	Reported bool          // there is a report, fresh or not
	Age      time.Duration // of the report
	Others   float64       // requests in flight at the server that are not this client's
	Average  float64       // the same, over the last seconds
	Service  time.Duration // latency that the server reports; 0: not known
	Cost     time.Duration // by which it is compared now; 0: not known
	Latency  time.Duration // the client's peak-EWMA; 0: not known
	Failed   float64       // recent share of calls that failed
	Refused  float64       // and of those refused
	Share    float64       // of the fair rate that it may get; 1: all
	Pooled   bool
	Barred   bool
	Resting  bool // the server pushes back
}

// Explain returns what is known at now. Its parts are read one after another,
// while calls go on.
func (e *Endpoint) Explain(now int64, p *Params) Knowledge {
	at, tau := ewma.At(now), ewma.Ticks(p.Decay)
	k := Knowledge{
		InFlight: e.InFlight(), Streams: e.streams.Load(),
		Refused: e.refusals(at, tau), Share: 1, Barred: e.odd.Load()&barred != 0, Resting: e.rest.Load() > now,
	}
	if home := e.home.Load(); home != nil {
		k.Pooled = home.has(e)
	}
	if share, _ := unpack(uint64(e.share.Load()) << 32); share > 0 {
		k.Share = share
	}
	k.Failed, _ = e.failed.Decayed(at, tau)
	if e.known() {
		w := e.speed.Load()
		service, _ := unpack(w)
		k.Reported, k.Age, k.Service = true, time.Duration(age(now, uint32(w))), time.Duration(service)
		k.Others, k.Average = unpack(e.load.Load())
		if cost, ok := e.expected(now); ok {
			k.Cost = time.Duration(float64(cost) * e.price(at, tau))
		}
	}
	if peak, known := e.peak.Decayed(at, tau); known {
		k.Latency = time.Duration(peak)
	}
	return k
}

// Load is how busy the server is, by a report that is fresh: how many requests a call
// would find there, itself included, and what one takes. False without such a
// report, or if it does not say what a request takes.
func (e *Endpoint) Load(now int64, expiry time.Duration) (depth, latency float64, ok bool) {
	latency, _ = unpack(e.speed.Load())
	if latency == 0 || !e.fresh(now, expiry) || e.odd.Load()&barred != 0 {
		return 0, 0, false
	}
	others, _ := unpack(e.load.Load())
	return others + float64(e.InFlight()) + 1, latency, true
}

// Failing is the recent share of calls that failed, and 0 where there was none for
// longer than the expiry: whether it has recovered is then to be found out.
func (e *Endpoint) Failing(now int64, p *Params) float64 {
	if f, known := e.failed.Load(); !known || f < wellBelow || float64(ewma.At(now)-e.lastPicked()) > ewma.Ticks(p.Expiry) {
		return 0
	}
	f, _ := e.failed.Decayed(ewma.At(now), ewma.Ticks(p.Decay))
	return f
}
