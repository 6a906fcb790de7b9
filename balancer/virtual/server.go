package virtual

import (
	"time"

	"github.com/freshet-io/freshet/balancer/internal/report"
	"github.com/freshet-io/freshet/balancer/internal/service"
)

// Server measures a server's calls and reports them as package loadreport does. It
// is not safe for concurrent use.
type Server struct {
	inFlight int64
	estimate service.Estimator
}

// Call is a call that a Server is working on.
type Call struct {
	started time.Duration
}

// NewServer returns a server without calls.
func NewServer() *Server { return new(Server) }

// Begin counts a request that arrives at now.
func (s *Server) Begin(now time.Duration) Call {
	s.inFlight++
	return Call{started: now}
}

// End counts the end of a call, and returns the report that goes with the reply.
// Ok tells whether the call returned the status OK.
func (s *Server) End(now time.Duration, c Call, ok bool) (report string) {
	s.inFlight--
	if took := now - c.started; ok {
		s.estimate.Add(since(now), took)
	} else {
		s.estimate.AddBound(since(now), took)
	}
	return s.Probe(now)
}

// Probe returns the report that a probe gets at now.
func (s *Server) Probe(now time.Duration) string {
	return string(report.Encode(nil, report.Report{
		InFlight: uint32(max(s.inFlight, 0)),
		Latency:  s.estimate.Estimate(since(now)),
	}))
}
