package cache

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// stream is the stream interceptor. Streams pass; what they invalidate is heard
// at their end.
func (c *Cache) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, name string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	reportBypass(opts)
	m := c.method(name)
	if m.safe || c.closed.Load() {
		return streamer(ctx, desc, cc, name, opts...)
	}
	ctx, mu := c.newMutation(ctx, m, cc)
	mu.unsent = !desc.ClientStreams
	s, err := streamer(ctx, desc, cc, name, mu.listen(opts)...)
	if err != nil {
		if !mu.ended.Load() {
			mu.end(err)
		}
		return nil, err
	}
	if mu.groups == nil {
		return s, nil
	}
	return &mutationStream{ClientStream: s, mu: mu, desc: desc}, nil
}

// mutationStream keeps the messages that the method's groups name fields of. A
// template names none of a message that is streamed.
type mutationStream struct {
	grpc.ClientStream
	mu   *mutation
	desc *grpc.StreamDesc
}

// SendMsg keeps a copy of the one request: its sender may change it afterwards.
func (s *mutationStream) SendMsg(m any) error {
	if !s.desc.ClientStreams {
		req, _ := m.(proto.Message) // nil for a prepared message: its groups are not known
		s.mu.sent(req)
	}
	return s.ClientStream.SendMsg(m)
}

// RecvMsg notes where the one reply is decoded to: the stream ends within this
// call.
func (s *mutationStream) RecvMsg(m any) error {
	if reply, ok := m.(proto.Message); ok && !s.desc.ServerStreams {
		s.mu.keep(nil, reply)
	}
	return s.ClientStream.RecvMsg(m)
}
