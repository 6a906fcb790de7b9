package cache

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// defaultMaxRecv is grpc-go's own limit on a reply, in bytes.
const defaultMaxRecv = 4 << 20

// leastLimited is from what size on a reply is held against the service config's limit,
// too: reading it takes a lock that all calls of the channel share, which a hit of a small
// reply would feel, and nobody limits replies to less.
const leastLimited = 4 << 10

// receiveLimit is the call's limit on a reply of n bytes, as grpc-go has it for its own: the
// smaller one of what the service config says (maxResponseMessageBytes) and what the call's
// or the channel's options say; where one of them says nothing, the other, though it exceeds
// grpc-go's default. What an xDS route says is not seen.
func (c *call) receiveLimit(n int) int {
	if n < leastLimited || c.cc == nil {
		return c.maxRecv
	}
	of := c.cc.GetMethodConfig(c.method.name).MaxRespSize
	switch {
	case of == nil:
		return c.maxRecv
	case c.limited:
		return min(*of, c.maxRecv)
	default:
		return *of
	}
}

// tooLarge applies the call's receive limit as grpc-go does to replies from the
// network.
func (c *call) tooLarge(n int) error {
	limit := c.receiveLimit(n)
	if n <= limit {
		return nil
	}
	return status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", n, limit)
}
