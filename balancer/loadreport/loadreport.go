// Package loadreport makes a server tell its clients how busy it is, on every
// response.
//
//	reporter, err := loadreport.New()
//	if err != nil { ... }
//	server := grpc.NewServer(append(reporter.ServerOptions(), others...)...)
//	reporter.Register(server)                // for probes, and reports out of band
//	reporter.SetUtilization("db_write", 0.7) // from time to time, if you know it
//
// A client that balances with the policy freshet (package balancer) then knows,
// from each response, how many requests the server has in flight, those of all
// its clients together, and what a request takes at that level. Other
// clients ignore the trailer.
//
// Put the options first: interceptors that come later run inside of what is
// counted and measured. What runs before them (and the network) is noticed by
// the client itself, but later.
//
// # What is reported
//
// The trailer freshet-load-bin, at most 16 bytes, on every response, OK or error:
//
//   - Requests in flight when the call ends, without the call itself. A call
//     counts from its arrival at the interceptor until its handler has
//     returned or panicked, also if the client has cancelled it meanwhile: the
//     handler is still at work. A stream counts while it is open.
//   - The latency of requests that arrived at about that level of requests in
//     flight: an average of recent ones by levels that are powers of two, as in
//     Prequal (NSDI'24, section 4). Only calls that returned OK are samples,
//     since failing is often faster than working; a failed call that took longer than
//     the estimate raises it. The duration of a stream is no latency. Without a sample
//     from the last 10 s the latency is reported as unknown, never as 0.
//   - Whether the server drains, see [Reporter.Drain].
//
// Health checks, reflection, channelz and ORCA are not the server's work: they
// are neither counted nor measured. A health watch stays open for as long as its
// client is connected and would count for ever. For the same reason, exclude
// subscriptions that mostly wait with [WithUncounted].
//
// # Out of band, and to clients that know nothing of freshet
//
// [Reporter.Register] adds the standard service of ORCA (gRFC A51), from which the policy
// freshet asks for a report where responses are too few, and by which any ORCA
// client can follow the load: requests and errors per second, the utilizations that
// the application sets by [Reporter.SetUtilization], and as named metrics
//
//	freshet.rif          requests in flight
//	freshet.latency_ns   their latency, in nanoseconds, if it is known
//	freshet.draining     1 if the server drains
//
// With [WithORCATrailer] the same numbers also ride on each response, as stock
// policies such as weighted_round_robin (gRFC A58) want them. Those need a utilization: set "app" or "cpu".
// Requests and errors per second are moving averages over about a second. Errors are
// those that the server answers for (UNAVAILABLE, INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED,
// DEADLINE_EXCEEDED, DATA_LOSS, a panic), since a client is steered away by them; a caller's
// mistake or cancellation is none.
//
// # Leaving
//
// A server that goes down for a restart says so first, and goes when its clients have heard:
//
//	reporter.Drain()
//	<-time.After(5 * time.Second) // calls still arrive, and are served
//	server.GracefulStop()
//
// A client of the policy freshet sends nothing new from the first report on that
// says draining: on a response, or of a probe. Whoever follows reports out of band
// hears it at once. GracefulStop then finds only the calls in flight, and reaches all
// other clients by GOAWAY. Setting the health service to NOT_SERVING
// (health.Server.Shutdown), instead of Drain or with it, does the same for clients that
// check health: they hear it at once, and calls in flight end as they would have.
// Draining is final for a Reporter: a server that comes back is a new one.
//
// # Cost and failure
//
// No goroutine of its own, no lock on the path of a call; a call costs two
// atomic additions, the estimate, and the trailer. A stream of reports out of
// band costs what a stream costs, and a message of some 100 bytes an interval. A
// report that cannot be sent is dropped, and no call ever fails because of it.
package loadreport

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer/internal/latency"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// Reporter counts and measures the calls of one server. Create it with [New] and
// use one for each grpc.Server. All methods may be called concurrently.
type Reporter struct {
	base      time.Time
	uncounted map[string]bool // services ("/pkg.Service/") and methods
	orca      bool            // ORCA's trailer, too
	logger    *slog.Logger

	calls        counter
	latencies    latency.Estimator
	utilizations utilizations
	refused      [refusals]sync.Once // each is logged once
	trailer      orcaTrailer

	draining atomic.Bool
	drained  chan struct{} // closed when draining begins
}

// New returns a Reporter. It fails if an option is invalid, with every fault
// named.
func New(opts ...Option) (*Reporter, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return &Reporter{
		base:      time.Now(),
		uncounted: c.uncounted,
		orca:      c.orca,
		logger:    c.logger,
		drained:   make(chan struct{}),
	}, nil
}

// ServerOptions returns the unary and the stream interceptor, chained.
// Interceptors of options that follow run inside of them.
func (r *Reporter) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(r.unary),
		grpc.ChainStreamInterceptor(r.stream),
	}
}

// Drain says in every report from now on, on responses and out of band, that
// the server wants no new calls. It changes nothing else: calls that arrive are
// served. Streams of reports out of band say so at once. Repeated calls do
// nothing, and there is no way back. The package comment tells what to do next.
func (r *Reporter) Drain() {
	if r.draining.CompareAndSwap(false, true) {
		close(r.drained)
	}
}

func (r *Reporter) now() int64 { return int64(time.Since(r.base)) }

// report is the report on a response while inFlight calls are in flight.
func (r *Reporter) report(now int64, inFlight uint32) report.Report {
	return report.Report{
		InFlight:   min(inFlight, report.MaxInFlight),
		Latency:    r.latencies.Estimate(now, int64(inFlight)),
		Draining:   r.draining.Load(),
		Overloaded: r.utilizations.overloaded(),
	}
}
