package cache

import (
	"context"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache/internal/decoded"
	"github.com/freshet-io/freshet/interceptor/store"
)

// call is one call of a method with a cache rule, as the interceptor got it.
type call struct {
	cache   *Cache
	ctx     context.Context //nolint:containedctx // a call is one call of its context
	method  *method
	rule    *cachepolicy.Rule
	target  *target
	key     store.Key
	req     proto.Message
	reply   proto.Message
	cc      *grpc.ClientConn
	invoker grpc.UnaryInvoker
	opts    []grpc.CallOption // as given

	callConfig
	caller    string // the principal, "" under PUBLIC
	codec     encoding.CodecV2
	named     bool // the caller forced codec
	maxRecv   int
	limited   bool // by maxRecv, and not by grpc-go's default
	authority string
	explained bool          // somebody reads the outcome
	held      bool          // a flight, or a part of a batch, refers to the call
	stay      bool          // the call waits for its flight whatever comes
	creds     bool          // the call has credentials of its own, which nobody sees
	started   time.Duration // since the cache's base
	arrival   uint64        // the clock when the call began

	found      *entry                    // what the store held, nil for nothing
	room       entry                     // for it
	resident   *decoded.Record[resident] // if it is decoded already
	wire       wireBuffer
	originCode codes.Code // with which the origin failed, for a stale reply
	items      *items     // of a batch: what the call asks for, one by one
	outcome    Outcome
	decision   cachepolicy.Decision // the last one
}

// calls holds calls that have ended and that nothing refers to any more: most hits.
var calls = sync.Pool{New: func() any { return new(call) }}

func (c *call) reset() { *c = call{} }

// scan reads from the options what the call's handling depends on.
func (c *call) scan() {
	c.wish = cachepolicy.NoWish
	c.maxRecv = defaultMaxRecv
	for _, o := range c.opts {
		switch o := o.(type) {
		case CallOption:
			o.into(&c.callConfig)
		case grpc.PerRPCCredsCallOption:
			c.creds = true
		case grpc.MaxRecvMsgSizeCallOption:
			c.maxRecv, c.limited = o.MaxRecvMsgSize, true
		case grpc.AuthorityOverrideCallOption:
			c.authority = o.Authority
		}
	}
	c.codec, c.named = callCodec(c.opts)
}

// flightOptions returns the options that a call to the origin for anybody has:
// the caller's, but for those that hand something back to the caller.
func (c *call) flightOptions() []grpc.CallOption {
	out := make([]grpc.CallOption, 0, len(c.opts))
	for _, o := range c.opts {
		switch o.(type) {
		case CallOption, grpc.HeaderCallOption, grpc.TrailerCallOption, grpc.PeerCallOption,
			grpc.OnFinishCallOption, grpc.ForceCodecV2CallOption:
		default:
			out = append(out, o)
		}
	}
	return out
}

// wantsMetadata reports whether the caller asked for the header or the trailer.
func (c *call) wantsMetadata() bool {
	for _, o := range c.opts {
		switch o.(type) {
		case grpc.HeaderCallOption, grpc.TrailerCallOption:
			return true
		}
	}
	return false
}

// handBack does for the caller's options what grpc does at the end of a call.
// The metadata is the caller's own from here on.
func (c *call) handBack(header, trailer metadata.MD, p *peer.Peer, err error) {
	for _, o := range c.opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = header.Copy()
		case grpc.TrailerCallOption:
			*o.TrailerAddr = trailer.Copy()
		case grpc.PeerCallOption:
			if p != nil {
				*o.PeerAddr = *p
			}
		}
	}
	for _, o := range c.opts {
		if o, ok := o.(grpc.OnFinishCallOption); ok {
			o.OnFinish(err)
		}
	}
}

// cachePeer is the peer of a reply that came from the store.
var cachePeer = &peer.Peer{Addr: cacheAddr{}, LocalAddr: cacheAddr{}}

type cacheAddr struct{}

var _ net.Addr = cacheAddr{}

func (cacheAddr) Network() string { return "freshet" }
func (cacheAddr) String() string  { return "cache" }
