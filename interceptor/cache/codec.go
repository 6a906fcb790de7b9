package cache

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	encproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// valueSlack is room for what follows the reply in a stored value.
const valueSlack = 256

// capture is a flight's codec: it does what the call's codec does, and keeps a
// copy of the reply's bytes as they came, so that storing them costs no second
// encoding.
type capture struct {
	inner encoding.CodecV2
	named bool // the caller forced inner
	reply any  // whose bytes are wanted

	mu   sync.Mutex
	body []byte
}

// Name leaves the content-type as it would be: the name of a forced codec
// appears in it as a subtype, that of the default codec does not.
func (c *capture) Name() string {
	if c.named {
		return c.inner.Name()
	}
	return ""
}

func (c *capture) Marshal(v any) (mem.BufferSlice, error) { return c.inner.Marshal(v) }

// Unmarshal copies before it decodes: grpc takes the buffers back afterwards.
func (c *capture) Unmarshal(data mem.BufferSlice, v any) error {
	if err := c.inner.Unmarshal(data, v); err != nil {
		return err
	}
	if v != c.reply {
		return nil // an interceptor between here and the wire decodes for itself
	}
	body := make([]byte, data.Len(), data.Len()+valueSlack)
	data.CopyTo(body)
	c.mu.Lock()
	c.body = body
	c.mu.Unlock()
	return nil
}

// encoded returns the encoding of a message, with the room behind it that a stored value
// needs.
func encoded(m proto.Message) ([]byte, error) {
	room := make([]byte, 0, proto.Size(m)+valueSlack)
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(room, m)
}

// bytes returns the bytes of the last reply decoded, nil when there was none.
func (c *capture) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

// callCodec returns the codec of a call with opts and whether the caller forced
// it; nil if it is one that the cache cannot stand in for: another encoding than
// protobuf's has other bytes for the same message.
func callCodec(opts []grpc.CallOption) (codec encoding.CodecV2, named bool) {
	codec = encoding.GetCodecV2(encproto.Name)
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.ForceCodecV2CallOption:
			if o.CodecV2 == nil || o.CodecV2.Name() != encproto.Name {
				return nil, false
			}
			codec, named = o.CodecV2, true
		case grpc.ContentSubtypeCallOption:
			if o.ContentSubtype != encproto.Name {
				return nil, false
			}
		case grpc.ForceCodecCallOption, grpc.CustomCodecCallOption:
			return nil, false
		}
	}
	return codec, named
}
