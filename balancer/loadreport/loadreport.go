// Package loadreport makes a server tell its clients how busy it is, on every
// response.
//
//	reporter, err := loadreport.New()
//	if err != nil { ... }
//	server := grpc.NewServer(append(reporter.ServerOptions(), others...)...)
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
//
// Health checks, reflection, channelz and ORCA are not the server's work: they
// are neither counted nor measured. A health watch stays open for as long as its
// client is connected and would count for ever. For the same reason, exclude
// subscriptions that mostly wait with [WithUncounted].
//
// # Cost and failure
//
// No goroutine, no lock; a call costs two atomic additions, the estimate, and the
// trailer. A report that cannot be sent is dropped, and no call ever fails
// because of it.
package loadreport

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/balancer/internal/latency"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// Reporter counts and measures the calls of one server. Create it with [New] and
// use one for each grpc.Server. All methods may be called concurrently.
type Reporter struct {
	base      time.Time
	uncounted map[string]bool // services ("/pkg.Service/") and methods
	inFlight  atomic.Int64
	latencies latency.Estimator
}

// New returns a Reporter. It fails if an option is invalid, with every fault
// named.
func New(opts ...Option) (*Reporter, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return &Reporter{base: time.Now(), uncounted: c.uncounted}, nil
}

// ServerOptions returns the unary and the stream interceptor, chained.
// Interceptors of options that follow run inside of them.
func (r *Reporter) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(r.unary),
		grpc.ChainStreamInterceptor(r.stream),
	}
}

func (r *Reporter) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (_ any, err error) {
	c := r.begin(info.FullMethod)
	// Deferred, so that a panic counts too: a recovering interceptor further out
	// may turn it into a response.
	ok := false
	defer func() {
		// It fails only outside of a gRPC server, where nobody waits for it.
		_ = grpc.SetTrailer(ctx, c.end(ok))
	}()
	resp, err := handler(ctx, req)
	ok = err == nil
	return resp, err
}

func (r *Reporter) stream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	c := r.begin(info.FullMethod)
	c.timed = false
	defer func() { ss.SetTrailer(c.end(false)) }()
	return handler(srv, ss)
}

// call is one call in flight.
type call struct {
	r       *Reporter
	start   time.Duration // since the reporter's base
	with    int64         // others in flight at arrival
	counted bool
	timed   bool
}

func (r *Reporter) begin(method string) call {
	c := call{r: r, counted: !r.excludes(method)}
	c.timed = c.counted
	if c.counted {
		c.with = r.inFlight.Add(1) - 1
	}
	c.start = time.Since(r.base)
	return c
}

// end takes the call out of the count and returns the report.
func (c *call) end(ok bool) metadata.MD {
	now := time.Since(c.r.base)
	inFlight := c.r.inFlight.Load()
	if c.counted {
		inFlight = c.r.inFlight.Add(-1)
	}
	switch took := now - c.start; {
	case !c.timed:
	case ok:
		c.r.latencies.Add(int64(now), c.with, took)
	default:
		c.r.latencies.AddBound(int64(now), c.with, took)
	}
	var buf [report.MaxLen]byte
	b := report.Encode(buf[:0], report.Report{
		InFlight: uint32(min(inFlight, report.MaxInFlight)),
		Latency:  c.r.latencies.Estimate(int64(now), inFlight),
		Untimed:  !c.timed,
	})
	return metadata.MD{report.Key: {string(b)}}
}
