package origin

import (
	"context"
	"log/slog"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// write is a call of a method that may have side effects: what it makes untrue
// downstream is untrue here.
type write struct {
	hop

	// mu guards the messages, of a stream that may end while it is sent on. It
	// may be taken under the call's lock, never the other way round.
	mu    sync.Mutex
	names naming
	reply any
}

func newWrite(h hop, streamed bool) *write {
	return &write{hop: h, names: naming{templates: h.method.groups, streamed: streamed}}
}

// begin enters an annotated write among those under way.
func (w *write) begin() {
	if w.method.groups == nil {
		return
	}
	c := w.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.writes == nil {
		c.writes = map[*write]struct{}{}
	}
	c.writes[w] = struct{}{}
}

func (w *write) leave() {
	w.call.mu.Lock()
	defer w.call.mu.Unlock()
	delete(w.call.writes, w)
}

// settle passes up what an attempt's end says: what the reply's metadata names,
// whatever the status, and what the method is annotated with, unless the write
// certainly failed.
func (w *write) settle(reply any, err error) {
	heard, hearErr := wire.ParseGroupList(w.values(wire.KeyCacheGroupInvalidation))
	heard = w.under(heard)
	w.pass(heard, hearErr)
	switch code := status.Code(err); {
	case code == codes.OK:
		groups, err := w.all(reply)
		w.pass(specific(groups, heard), err)
	case !cachepolicy.DefiniteFailure(uint32(code)) || w.retried():
		w.pass(w.inDoubt())
	}
}

// retried reports whether gRPC itself may have made earlier attempts, one of
// which may have taken effect: the last one's failure says nothing of them.
func (w *write) retried() bool {
	return w.cc != nil && w.cc.GetMethodConfig(w.method.name).RetryPolicy != nil
}

// pass adds to what the call has made untrue.
func (w *write) pass(groups []wire.Group, err error) {
	if len(groups) == 0 && err == nil {
		return
	}
	c := w.call
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
	case c.method.safe:
		c.complain("invalidations are lost: a method without side effects has called one that has them, and clients heed none of its replies'", slog.String("downstream", w.method.name))
	default:
		c.makesUntrue(groups, err)
	}
}

// all and inDoubt are naming's, as this server calls the groups.
func (w *write) all(reply any) ([]wire.Group, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	groups, err := w.names.all(reply)
	return w.under(untrueOf(groups, w.method.soft)), err
}

func (w *write) inDoubt() ([]wire.Group, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	groups, err := w.names.inDoubt()
	return w.under(untrueOf(groups, w.method.soft)), err
}

// open opens a stream. Unless a template takes a field of its messages, the
// stream is the channel's own.
func (w *write) open(ctx context.Context, desc *grpc.StreamDesc, streamer grpc.Streamer, opts []grpc.CallOption) (grpc.ClientStream, error) {
	w.begin()
	s, err := streamer(ctx, desc, w.cc, w.method.name, w.listen(opts, func(err error) {
		w.settle(w.kept(), err)
		w.leave()
	})...)
	if err != nil {
		w.leave()
		return nil, err
	}
	if w.method.groups == nil {
		return s, nil
	}
	return &writeStream{ClientStream: s, w: w, desc: desc}, nil
}

func (w *write) kept() any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reply
}

// writeStream keeps the messages that the templates take fields of.
type writeStream struct {
	grpc.ClientStream
	w    *write
	desc *grpc.StreamDesc
}

// SendMsg takes in the request of a method that has one.
func (s *writeStream) SendMsg(m any) error {
	if !s.desc.ClientStreams {
		s.w.mu.Lock()
		s.w.names.see(m)
		s.w.mu.Unlock()
	}
	return s.ClientStream.SendMsg(m)
}

// RecvMsg notes where the reply of a method that has one is decoded to: the
// stream ends within this call.
func (s *writeStream) RecvMsg(m any) error {
	if !s.desc.ServerStreams {
		s.w.mu.Lock()
		s.w.reply = m
		s.w.mu.Unlock()
	}
	return s.ClientStream.RecvMsg(m)
}
