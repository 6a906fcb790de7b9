// Package probe asks one server how busy it is, on a connection that a balancer
// already has to it.
//
//	prober, release := probe.Build(subConn) // when it has become READY
//	defer release()
//	result, err := prober.Probe(context.Background())
//	if err == nil && result.Reported { ... result.Report.InFlight ... }
//
// Responses report by themselves; a probe is for where they are too few: cold
// start, idleness, low rates. When and whom to ask is the caller's decision.
//
// # How it asks
//
// By a stream of ORCA's service OpenRcaService (gRFC A51), which says that it wants the
// request cost named freshet-load-bin. A server under package loadreport knows that
// name: it sends the trailer which its responses have, no message, and the end of
// the stream, in a single frame. Any other server that implements ORCA out of band takes
// no notice of the name and sends the first message of a stream that would go on;
// that message is the result, and the stream is cancelled. Neither counts as a request
// in flight at a server under loadreport. A probe passes no
// interceptor and no stats handler of the channel, is not retried, and carries no
// metadata but that of the context and the channel's credentials.
//
// # Failure
//
// A probe takes at most [Timeout]. One is under way at a time for a subchannel: who
// comes meanwhile gets [ErrBusy]. A server that does not implement the service, does not
// let this client call it, or ends the stream without a report is not asked again on
// this connection: [ErrUnsupported]. Any other error may pass; it says no more about the server
// than that it did not answer in time.
//
// A prober belongs to one connection: gRPC closes it at any change of the subchannel's
// state, which ends a probe that is under way, and later ones get [ErrClosed]. Build one
// each time the subchannel becomes READY.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcasvc "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/orca"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// Timeout is the longest that a probe takes. An answer that comes later says
// little: reports are used for a second.
const Timeout = 100 * time.Millisecond

// maxMessage bounds a report, in bytes: there is no need to read megabytes from a
// server that is only asked for a few numbers.
const maxMessage = 64 << 10

var (
	// ErrBusy says that another probe of the subchannel is under way.
	ErrBusy = errors.New("probe: another probe is under way")
	// ErrClosed says that the connection of the prober is gone.
	ErrClosed = errors.New("probe: the subchannel has changed its state")
	// ErrUnsupported says that this server does not answer probes. It wraps the
	// status with which it refused, if it was asked just now.
	ErrUnsupported = errors.New("probe: the server does not answer probes")
)

// Result is what a server says of itself. With neither Reported nor Loaded it
// has answered and says nothing of use, as a stock ORCA server does before
// its application has set a utilization.
type Result struct {
	// Report is that of a server under package loadreport, if Reported is set. Its
	// Untimed is always set: the probe is no request whose duration would matter.
	Report   report.Report
	Reported bool
	// Load is that of a stock ORCA server, if Loaded is set.
	Load   orca.Load
	Loaded bool
}

// Prober probes the server of one subchannel. All methods may be called
// concurrently.
type Prober struct {
	conn   grpc.ClientConnInterface
	closed context.Context //nolint:containedctx // the life of the connection
	state  atomic.Int32
}

const (
	idle = iota
	busy
	unsupported
)

type builder struct{}

// Build makes the Prober of a subchannel. The channel calls what it returns besides
// when the last reference is released or the state changes. It ends a probe that
// is under way and does not wait for it: the probe runs in its caller's
// goroutine, and the channel must not wait for that one.
func (builder) Build(conn any) (balancer.Producer, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c, ok := conn.(grpc.ClientConnInterface)
	if !ok { // it is documented to be one
		cancel()
	}
	return &Prober{conn: c, closed: ctx}, cancel
}

// Build returns the Prober of a subchannel that is READY, shared by all who ask for
// it, and a function that gives up this reference. It must not be called while
// the subchannel is in another state: such a prober answers with UNAVAILABLE until it is closed.
func Build(sc balancer.SubConn) (p *Prober, release func()) {
	producer, release := sc.GetOrBuildProducer(builder{})
	p, _ = producer.(*Prober) // a nil Prober counts as closed
	return p, release
}

// Probe asks the server once, and returns within [Timeout] or when ctx ends. The
// error is [ErrBusy], [ErrClosed], [ErrUnsupported], or a gRPC status. Give it a
// context of its own: that of a call ends with the call, and the call's metadata would be sent along.
func (p *Prober) Probe(ctx context.Context) (Result, error) {
	if p == nil || p.closed.Err() != nil {
		return Result{}, ErrClosed
	}
	if !p.state.CompareAndSwap(idle, busy) {
		if p.state.Load() == unsupported {
			return Result{}, ErrUnsupported
		}
		return Result{}, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	defer context.AfterFunc(p.closed, cancel)()

	r, err := ask(ctx, p.conn)
	if errors.Is(err, errNothing) && over(ctx) {
		err = status.FromContextError(context.DeadlineExceeded).Err() // the server saw the deadline first
	}
	if refuses(err) {
		p.state.Store(unsupported)
		return Result{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	p.state.Store(idle)
	if err != nil && p.closed.Err() != nil {
		return Result{}, ErrClosed
	}
	return r, err
}

// errNothing is the end of a stream without a report.
var errNothing = errors.New("the stream ended without a report")

// refuses is true for errors that asking again would not change.
func refuses(err error) bool {
	if errors.Is(err, errNothing) {
		return true
	}
	switch status.Code(err) {
	case codes.Unimplemented, codes.PermissionDenied, codes.Unauthenticated:
		return true
	default:
		return false
	}
}

// over is true once the deadline of ctx has come, whether or not its timer has run.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= 0
}

// ask opens the stream and takes its first message, or its trailer if there is none. The
// stream ends with ctx.
func ask(ctx context.Context, conn grpc.ClientConnInterface) (Result, error) {
	stream, err := conn.NewStream(ctx, &orcasvc.OpenRcaService_ServiceDesc.Streams[0],
		orcasvc.OpenRcaService_StreamCoreMetrics_FullMethodName, grpc.StaticMethod(), grpc.MaxCallRecvMsgSize(maxMessage))
	if err != nil {
		return Result{}, err
	}
	// io.EOF means that the server has ended the stream already: how, Recv tells.
	if err := stream.SendMsg(&orcasvc.OrcaLoadReportRequest{RequestCostNames: []string{report.Key}}); err != nil && !errors.Is(err, io.EOF) {
		return Result{}, err
	}
	if err := stream.CloseSend(); err != nil {
		return Result{}, err
	}
	message := new(orcapb.OrcaLoadReport)
	switch err := stream.RecvMsg(message); {
	case err == nil:
		load, ok := orca.Decode(message)
		return Result{Load: load, Loaded: ok}, nil
	case !errors.Is(err, io.EOF):
		return Result{}, err
	}
	values := stream.Trailer()[report.Key]
	if len(values) == 0 {
		return Result{}, errNothing
	}
	r, ok := report.Decode(values[len(values)-1])
	if !ok {
		return Result{}, errNothing
	}
	return Result{Report: r, Reported: true}, nil
}
