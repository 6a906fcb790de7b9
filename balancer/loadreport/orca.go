package loadreport

import (
	"sync/atomic"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/protobuf/proto"
)

// orcaKey is the trailer of per-call reports by gRFC A51.
const orcaKey = "endpoint-load-metrics-bin"

// message is everything known, as ORCA has it.
func (r *Reporter) message(now int64) *orcapb.OrcaLoadReport {
	rep := r.report(now, r.calls.inFlight())
	rates := r.calls.rates(now)
	u := &r.utilizations
	m := &orcapb.OrcaLoadReport{
		CpuUtilization:         u.cpu.get(),
		MemUtilization:         u.mem.get(),
		ApplicationUtilization: u.app.get(),
		RpsFractional:          rates.qps,
		Eps:                    rates.eps,
		NamedMetrics:           map[string]float64{"freshet.rif": float64(rep.InFlight)},
	}
	if rep.Latency > 0 {
		m.NamedMetrics["freshet.latency_ns"] = float64(rep.Latency)
	}
	if rep.Draining {
		m.NamedMetrics["freshet.draining"] = 1
	}
	if tiers := u.all(); len(tiers) > 0 {
		m.Utilization = make(map[string]float64, len(tiers))
		for _, t := range tiers {
			m.Utilization[t.name] = t.get()
		}
	}
	return m
}

// trailerAge is for how long an encoded message serves again.
const trailerAge = int64(10 * time.Millisecond)

// orcaTrailer keeps the encoded message, so that not every response of a busy
// server encodes one.
type orcaTrailer struct{ latest atomic.Pointer[encoded] }

type encoded struct {
	at    int64
	value string
}

// at returns the message of r as it was at most trailerAge before now, or "" if
// it cannot be encoded.
func (t *orcaTrailer) at(now int64, r *Reporter) string {
	if e := t.latest.Load(); e != nil && now-e.at < trailerAge {
		return e.value
	}
	b, err := proto.Marshal(r.message(now))
	if err != nil {
		return ""
	}
	e := &encoded{at: now, value: string(b)}
	t.latest.Store(e)
	return e.value
}
