package cachepolicy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"

	"google.golang.org/protobuf/proto"
)

// KeyInput is what a request's identity is made of, besides the rule.
type KeyInput struct {
	// Space keeps caches that share a store apart.
	Space uint64
	// Target is the canonical target of the channel, with its authority
	// override if the call has one.
	Target, Authority string
	// Method is the full name on the wire.
	Method string
	// Principal names who calls; it is part of the key under [Principal] only.
	Principal string
	// Metadata returns the request's values of a metadata key, for the rule's
	// Vary. It may be nil when the rule has none.
	Metadata func(key string) []string
	// Request is the request. The key takes its deterministic encoding, unknown
	// fields included, without the fields that the rule excludes.
	Request proto.Message
}

// keyBuffers holds buffers for the text that keys are digests of. One that grew
// past keyBufferMax is left to the garbage collector.
var keyBuffers = sync.Pool{New: func() any { return new([]byte) }}

var (
	errNoRequest  = errors.New("cachepolicy: a key needs a request")
	errNoMetadata = errors.New("cachepolicy: the rule varies by metadata, and the key has none to take it from")
)

const keyBufferMax = 64 << 10

// Key returns the key of a request under the rule: SHA-256 over length-prefixed
// parts, so that no two requests of different identity share one. Two requests
// have the same key when they go to the same target and method, carry the same
// values under Vary, come from the same principal (unless the scope is
// [Public]), and their deterministic encodings are equal.
//
// Deterministic is not canonical (protobuf says so of its own encoding): equal
// messages built by different versions of the schema may differ, which costs a
// miss and is never wrong.
//
// The error is proto.Marshal's, or says that the request or the metadata are
// missing, or that the request has not the fields that the rule excludes; a call
// with it cannot be cached.
func (r *Rule) Key(in KeyInput) ([32]byte, error) {
	switch {
	case in.Request == nil:
		return [32]byte{}, errNoRequest
	case in.Metadata == nil && len(r.Vary) > 0:
		return [32]byte{}, errNoMetadata
	}
	req, err := r.withoutExcluded(in.Request)
	if err != nil {
		return [32]byte{}, err
	}
	buf := keyBuffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	b := binary.LittleEndian.AppendUint64((*buf)[:0], in.Space)
	b = appendPart(b, in.Target)
	b = appendPart(b, in.Authority)
	b = appendPart(b, in.Method)
	b = append(b, byte(r.Scope))
	if r.Scope == Principal {
		b = appendPart(b, in.Principal)
	}
	for _, k := range r.Vary { // its number is fixed by the rule
		values := in.Metadata(k)
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, v := range values {
			b = appendPart(b, v)
		}
	}
	// The request comes last and needs no length.
	b, err = proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, req)
	var key [32]byte
	if err == nil {
		key = sha256.Sum256(b)
	}
	if cap(b) <= keyBufferMax {
		*buf = b
		keyBuffers.Put(buf)
	}
	return key, err
}

func appendPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}

func (r *Rule) withoutExcluded(req proto.Message) (proto.Message, error) {
	if len(r.excluded) == 0 {
		return req, nil
	}
	req = proto.Clone(req)
	for _, p := range r.excluded {
		if err := p.clear(req.ProtoReflect()); err != nil {
			return nil, err
		}
	}
	return req, nil
}
