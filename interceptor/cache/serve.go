package cache

import (
	"strconv"
	"time"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// serve answers the call with what was found, as the last decision allows. It reports false
// when that turns out not to decode, which is a miss.
func (c *call) serve() (answered bool, err error) {
	e, stale := c.found, c.decision.Verdict == cachepolicy.Stale
	var stored error // that the entry holds
	if e.policy.Negative {
		var ok bool
		if stored, ok = e.storedError(); !ok {
			c.discard(errDamaged)
			return false, nil
		}
	} else {
		if err := c.tooLarge(e.size); err != nil {
			if stale { // the origin's own error says more
				return false, nil
			}
			return true, c.fail(err)
		}
		if c.resident != nil {
			c.copyOut(c.resident)
		} else if err := c.decode(e.body); err != nil {
			c.discard(err)
			return false, nil
		}
	}
	var header, trailer metadata.MD
	if c.wantsMetadata() {
		if header, trailer, err = e.metadata(); err != nil {
			c.discard(err)
			return false, nil
		}
		header.Set(wire.KeyAge, strconv.FormatInt(wholeSeconds(c.decision.Age), 10))
	}
	header = c.withStatus(header, c.storedStatus())
	c.outcome.Result = Hit
	if stale {
		c.outcome.Result = Stale
	}
	c.outcome.Age, c.outcome.Lifetime = c.decision.Age, e.policy.Terms.Lifetime
	c.outcome.Stored, c.outcome.Version = true, e.policy.Version
	if c.explained {
		c.outcome.Endpoint = string(e.endpoint)
	}
	c.handBack(header, trailer, cachePeer, stored)
	return true, stored
}

// discard drops a stored reply that cannot be read.
func (c *call) discard(err error) {
	c.cache.storeFailed("get", err)
	c.cache.forget(c.key)
	c.found = nil
	c.decision = cachepolicy.Decision{}
}

// decode fills the caller's reply from bytes off the wire.
func (c *call) decode(body []byte) error { return c.wire.decode(c.codec, body, c.reply) }

// wireBuffer is room for what a codec wants its bytes in.
type wireBuffer struct {
	slice  mem.SliceBuffer
	buffer [1]mem.Buffer
}

func (w *wireBuffer) decode(codec encoding.CodecV2, body []byte, into proto.Message) error {
	w.slice, w.buffer[0] = body, &w.slice
	err := codec.Unmarshal(w.buffer[:], into)
	w.slice = nil
	return err
}

// wholeSeconds is an age as the metadata has it.
func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }
