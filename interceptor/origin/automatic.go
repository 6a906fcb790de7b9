package origin

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"google.golang.org/protobuf/proto"
)

// WithAutomaticETags gives replies of methods with a cache rule an entity tag
// where the handler names none by [SetETag]: a weak one, from a hash (SHA-256, 128
// bits of it) of the reply's deterministic encoding. A reply that is no-store, or is
// no protobuf message, has none; nor have errors and streams.
//
// It is weak since the bytes that are sent may be others at the same tag, a map's entries
// in another order: "a strong validator [...] changes value whenever a change occurs to
// the representation data" (RFC 9110 section 8.8.1). The deterministic encoding is the
// same in every replica that runs the same build, and not canonical: another version of
// the schema or of protobuf may come to another tag for an equal reply, which is then
// sent whole. Replies that differ have different tags.
//
// It is off by default. It costs a second encoding of every reply and its hash,
// together 1.2 to 1.5 times what encoding it costs (10 KiB: 40 µs beside 31), and does not
// save the handler's work; what it saves is the first encoding, the transfer, and at the
// client the decoding and storing, of replies that are as the caller has them. So it pays
// where they mostly are: for rules under which each use is validated (prefer: CONSISTENCY,
// unsynced_max_age of 0, no-cache), and for large replies of short lifetimes that
// seldom change. A handler that has a version or a modification time at hand
// gives a better tag for nothing, by SetETag or NotModified.
//
// Interceptors before the Origin must not change replies in a way that the tag
// does not show. Where handlers set etag by grpc.SetHeader themselves, leave this
// off: of two tags none is used, and the reply is not kept.
func WithAutomaticETags() Option {
	return optionFunc(func(c *config) { c.automaticETags = true })
}

// hasher makes entity tags of replies. It keeps the buffers that they are encoded
// in.
type hasher struct{ buffers sync.Pool }

// maxKeptBuffer is the largest buffer that is kept: rare large replies should not
// stay in memory.
const maxKeptBuffer = 1 << 20

// etag returns the tag of a reply; "" for what cannot be encoded.
func (h *hasher) etag(reply any) string {
	m, ok := reply.(proto.Message)
	if !ok {
		return ""
	}
	buffer, _ := h.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend((*buffer)[:0], m)
	if err != nil {
		return "" // nor can it be sent
	}
	sum := sha256.Sum256(bytes)
	if cap(bytes) <= maxKeptBuffer {
		*buffer = bytes
		h.buffers.Put(buffer)
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
