package probe_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/probe"
)

// subConn hands conn to producers.
type subConn struct {
	balancer.SubConn
	conn any
}

func (s subConn) GetOrBuildProducer(b balancer.ProducerBuilder) (balancer.Producer, func()) {
	return b.Build(s.conn)
}

// lateConn has streams that end well, and empty, at the deadline of the client.
type lateConn struct{ grpc.ClientConnInterface }

type lateStream struct {
	grpc.ClientStream
	ctx context.Context
}

func (lateConn) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return lateStream{ctx: ctx}, nil
}

func (lateStream) SendMsg(any) error    { return nil }
func (lateStream) CloseSend() error     { return nil }
func (lateStream) Trailer() metadata.MD { return nil }

func (s lateStream) RecvMsg(any) error {
	<-s.ctx.Done()
	return io.EOF
}

// A server that ends the stream because the deadline has come, sooner than the
// client does, has not refused.
func TestDeadlineSeenByTheServerFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, release := probe.Build(subConn{conn: lateConn{}})
		defer release()
		for range 2 {
			if _, err := p.Probe(t.Context()); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
			}
		}
	})
}

func TestNoConnectionIsClosed(t *testing.T) {
	p, release := probe.Build(subConn{conn: "none"})
	defer release()
	if _, err := p.Probe(t.Context()); !errors.Is(err, probe.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, err := (*probe.Prober)(nil).Probe(t.Context()); !errors.Is(err, probe.ErrClosed) {
		t.Errorf("without prober got %v, want ErrClosed", err)
	}
}
