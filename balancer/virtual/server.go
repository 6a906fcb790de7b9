package virtual

import (
	"time"

	"github.com/freshet-io/freshet/balancer/internal/report"
	"github.com/freshet-io/freshet/balancer/internal/service"
)

// Report is what a server says of itself. The zero value is that of a server that knows
// nothing of freshet, or of a reply that never arrived: none.
type Report struct {
	// Known says that there is a report.
	Known bool
	// InFlight is how many requests the server is working on, without the one that ends.
	InFlight int
	// Latency is what a request takes there; 0: not known.
	Latency time.Duration
	// Draining says that the server wants no new calls.
	Draining bool
}

// Server measures a server's calls and reports them as package loadreport does. It
// is not safe for concurrent use.
type Server struct {
	inFlight int
	draining bool
	estimate service.Estimator
}

// NewServer returns a server without calls.
func NewServer() *Server { return new(Server) }

// Begin counts a request that arrives.
func (s *Server) Begin() { s.inFlight++ }

// End counts the end, at now, of a call that arrived at arrived, and returns the report
// that goes with the reply. Ok tells whether the call returned the status OK.
func (s *Server) End(now, arrived time.Duration, ok bool) Report {
	s.inFlight--
	if took := now - arrived; ok {
		s.estimate.Add(since(now), took)
	} else {
		s.estimate.AddBound(since(now), took)
	}
	return s.Probe(now)
}

// Drain says in every report from now on that the server wants no new calls.
func (s *Server) Drain() { s.draining = true }

// Probe returns the report that a probe gets at now.
func (s *Server) Probe(now time.Duration) Report {
	return Report{
		Known:    true,
		InFlight: max(s.inFlight, 0),
		Latency:  s.estimate.Estimate(since(now)),
		Draining: s.draining,
	}
}

// wired is r as it is after its way over the wire; not known where a client would
// not believe it.
func (r Report) wired() Report {
	if !r.Known {
		return Report{}
	}
	var buf [report.MaxLen]byte
	w, ok := report.Decode(string(report.Encode(buf[:0], report.Report{
		InFlight: uint32(min(max(r.InFlight, 0), report.MaxInFlight)), Latency: r.Latency, Draining: r.Draining,
	})))
	return Report{Known: ok, InFlight: int(w.InFlight), Latency: w.Latency, Draining: w.Draining}
}
