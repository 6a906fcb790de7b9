package balancer

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// retracted reports whether the call was not sent after all. If the picked
// subchannel is no longer ready, gRPC calls Done with a zero DoneInfo and picks
// again; a call that ended well has at least sent something.
func retracted(d balancer.DoneInfo) bool {
	return d.Err == nil && !d.BytesSent && !d.BytesReceived
}

type ended struct {
	choose.End
	Untimed bool
}

// endOf reads what the end of a call says about the server.
func endOf(d balancer.DoneInfo) ended {
	e := ended{End: choose.End{Outcome: outcomeOf(d)}}
	// A server that forwards trailers of its own backends may have several: its
	// own interceptor adds the last.
	values := d.Trailer[report.Key]
	if len(values) == 0 {
		return e
	}
	r, ok := report.Decode(values[len(values)-1])
	if !ok {
		return e
	}
	e.Reported, e.InFlight, e.Latency, e.Untimed = true, r.InFlight, r.Latency, r.Untimed
	return e
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
