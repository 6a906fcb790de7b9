package loadreport

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

func (r *Reporter) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (_ any, err error) {
	c := r.begin(info.FullMethod)
	// Deferred, so that a panic counts too: a recovering interceptor further out
	// may turn it into a response.
	o := failed
	defer func() {
		// It fails only outside of a gRPC server, where nobody waits for it.
		_ = grpc.SetTrailer(ctx, c.end(o))
	}()
	resp, err := handler(ctx, req)
	o = outcomeOf(err)
	return resp, err
}

func (r *Reporter) stream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if _, own := srv.(*outOfBand); own {
		return handler(srv, ss) // it reports by itself
	}
	c := r.begin(info.FullMethod)
	c.timed = false
	o := failed
	defer func() { ss.SetTrailer(c.end(o)) }()
	err := handler(srv, ss)
	o = outcomeOf(err)
	return err
}

// outcome is what the end of a call says of the server.
type outcome uint8

const (
	failed    outcome = iota // the server's failure; a panic, too
	refused                  // the caller's mistake, or its cancellation
	succeeded                // OK
)

// outcomeOf sorts what a handler returned by whose fault it is. gRPC makes a
// status of the errors of a context, and UNKNOWN of other errors.
func outcomeOf(err error) outcome {
	if err == nil {
		return succeeded
	}
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	switch s.Code() {
	case codes.OK:
		return succeeded
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted, codes.DeadlineExceeded, codes.DataLoss:
		return failed
	default:
		return refused
	}
}

// call is one call in flight.
type call struct {
	r       *Reporter
	start   int64  // since the reporter's base
	with    uint32 // others in flight at arrival
	counted bool
	timed   bool
}

func (r *Reporter) begin(method string) call {
	c := call{r: r, counted: !r.excludes(method)}
	c.timed = c.counted
	if c.counted {
		c.with = r.calls.begin()
	}
	c.start = r.now()
	return c
}

// end takes the call out of the count and returns the trailer.
func (c *call) end(o outcome) metadata.MD {
	r := c.r
	now := r.now()
	inFlight := r.calls.inFlight()
	if c.counted {
		inFlight = r.calls.end(now, o == failed)
	}
	if c.timed {
		r.sample(now, c.with, time.Duration(now-c.start), o)
	}
	return r.trailers(now, inFlight, !c.timed)
}

// sample files the duration of a call.
func (r *Reporter) sample(now int64, with uint32, took time.Duration, o outcome) {
	if o == succeeded {
		r.latencies.Add(now, int64(with), took)
	} else {
		r.latencies.AddBound(now, int64(with), took)
	}
}

// trailers is what a response carries.
func (r *Reporter) trailers(now int64, inFlight uint32, untimed bool) metadata.MD {
	rep := r.report(now, inFlight)
	rep.Untimed = untimed
	var buf [report.MaxLen]byte
	md := metadata.MD{report.Key: {string(report.Encode(buf[:0], rep))}}
	if r.orca {
		if v := r.trailer.at(now, r); v != "" {
			md[orcaKey] = []string{v}
		}
	}
	return md
}
