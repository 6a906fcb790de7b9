package balancer

import (
	"strconv"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/orca" // gRPC fills DoneInfo.ServerLoad only where this is linked in.
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/orca"
	"github.com/freshet-io/freshet/balancer/internal/plan"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// retracted reports whether the call was not sent after all. If the picked
// subchannel is no longer ready, gRPC calls Done with a zero DoneInfo and picks
// again; a call that ended well has at least sent something.
func retracted(d balancer.DoneInfo) bool {
	return d.Err == nil && !d.BytesSent && !d.BytesReceived
}

type ended struct {
	plan.End

	Untimed bool
}

// endOf reads what the end of a call says about the server.
func endOf(d balancer.DoneInfo) ended {
	e := ended{End: plan.End{End: choose.End{Outcome: outcomeOf(d)}}}
	if d.Err != nil {
		e.Pushback = pushback(d.Trailer[pushbackKey])
	}
	// A server that forwards trailers of its own backends may have several: its
	// own interceptor adds the last.
	values := d.Trailer[report.Key]
	if len(values) == 0 {
		e.load(d.ServerLoad)
		return e
	}
	r, ok := report.Decode(values[len(values)-1])
	if !ok {
		return e
	}
	e.Reported, e.InFlight, e.Latency = true, r.InFlight, r.Latency
	e.Draining, e.Overloaded, e.Untimed = r.Draining, r.Overloaded, r.Untimed
	return e
}

// load reads the report of a server that knows nothing of freshet but speaks ORCA.
func (e *ended) load(report any) {
	if l, ok := orca.Decode(report); ok {
		e.Loaded, e.Utilization, e.Cost = true, l.Utilization, l.Cost()
	}
}

// pushbackKey is where a server says when to try again, in ms, or with a negative
// number not to (gRFC A6, "Pushback"). "Not at all" is about the call, not the server.
const pushbackKey = "grpc-retry-pushback-ms"

func pushback(values []string) time.Duration {
	if len(values) != 1 {
		return 0
	}
	ms, err := strconv.ParseInt(values[0], 10, 32)
	if err != nil || ms < 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// outcomeOf sorts the status of a call by whose fault it is.
func outcomeOf(d balancer.DoneInfo) choose.Outcome {
	switch status.Code(d.Err) {
	case codes.OK:
		return choose.Success
	case codes.Canceled:
		return choose.Unknown
	case codes.Unavailable:
		if !d.BytesSent {
			// The connection went away before the call was on it. That is the
			// subchannel's state, which pick_first watches.
			return choose.Unknown
		}
		return choose.Failure
	case codes.Internal, codes.Unknown, codes.ResourceExhausted, codes.DeadlineExceeded, codes.DataLoss:
		return choose.Failure
	default:
		return choose.Refused
	}
}
