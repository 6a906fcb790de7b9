package origin

import (
	"context"

	"google.golang.org/grpc"
)

// serverStream is the stream that a handler is given. It carries the call in its
// context, and keeps the messages that the method's templates take fields of:
// the one request and the one reply. Of messages that are streamed they take
// none.
type serverStream struct {
	grpc.ServerStream
	call  *call
	info  *grpc.StreamServerInfo
	reply any // of a method whose replies are not streamed; written before the handler returns
}

// Context returns the handler's context.
func (s *serverStream) Context() context.Context { return s.call.context(s.ServerStream.Context()) }

// RecvMsg takes in the request of a method that has one.
func (s *serverStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil && !s.info.IsClientStream {
		s.call.received(m)
	}
	return err
}

// SendMsg keeps the reply of a method that has one.
func (s *serverStream) SendMsg(m any) error {
	if !s.info.IsServerStream {
		s.reply = m
	}
	return s.ServerStream.SendMsg(m)
}
