package loadreport

import (
	"slices"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcasvc "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

const (
	// minInterval is the shortest time between two reports of a stream.
	minInterval = 100 * time.Millisecond
	// defaultInterval is used if the client names none: the default of A58's
	// oob_reporting_period.
	defaultInterval = 10 * time.Second
)

// Register adds the standard service xds.service.orca.v3.OpenRcaService to a
// server, which also has the reporter's [Reporter.ServerOptions]: those count what it
// reports. A stream sends a report at once and then one at each interval, as the client asks:
// 100 ms at least, 10 s if it does not say (grpc-go's own service sends none
// within 30 s of another). It ends with its client or with
// the server, and holds up GracefulStop no longer than its client takes to heed GOAWAY.
//
// The service passes the server's interceptors as any other: whoever may call
// it learns the server's load. Register it before the server serves, and in place of
// orca.Register: a server cannot have both.
func (r *Reporter) Register(s grpc.ServiceRegistrar) {
	orcasvc.RegisterOpenRcaServiceServer(s, &outOfBand{reporter: r})
}

// outOfBand is the service of a Reporter.
type outOfBand struct {
	orcasvc.UnimplementedOpenRcaServiceServer

	reporter *Reporter
}

// StreamCoreMetrics sends reports until the client or the server goes away.
//
// A probe asks for the request cost that is named as the trailer with which the server
// reports on responses. That trailer is all that it gets, and the stream ends:
// one frame, with nothing left for the client to cancel. A server that does not
// know the name, as any other than this, sends its first message.
func (o *outOfBand) StreamCoreMetrics(
	req *orcasvc.OrcaLoadReportRequest, stream grpc.ServerStreamingServer[orcapb.OrcaLoadReport],
) error {
	r := o.reporter
	defer func() { stream.SetTrailer(r.trailers(r.now(), r.calls.inFlight(), true)) }()
	if slices.Contains(req.GetRequestCostNames(), report.Key) {
		return nil
	}
	ticker := time.NewTicker(intervalOf(req))
	defer ticker.Stop()
	ctx, drained := stream.Context(), r.drained
	for {
		if r.draining.Load() {
			drained = nil // this message says so
		}
		if err := stream.Send(r.message(r.now())); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-drained:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// intervalOf is the interval that a client gets. What is not positive or no duration counts
// as not said.
func intervalOf(req *orcasvc.OrcaLoadReportRequest) time.Duration {
	d := req.GetReportInterval()
	if !d.IsValid() || d.AsDuration() <= 0 {
		return defaultInterval
	}
	return max(d.AsDuration(), minInterval)
}
