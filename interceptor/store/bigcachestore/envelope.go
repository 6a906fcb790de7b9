package bigcachestore

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// An envelope is what BigCache keeps as the entry of a key:
//
//	deadline  8 bytes, nanoseconds since the store's base, little endian
//	length    4 bytes, of the value, little endian
//	value
//	padding   zeros, so that even the smallest entry takes a grain of the queue
//
// The deadline is here because BigCache has one life window for all entries,
// counts it in whole seconds of the wall clock, and returns entries past it.
const envelopeHeader = 8 + 4

var errDamaged = errors.New("bigcachestore: entry is damaged")

// seal appends the envelope of value to dst, padded to a length of least.
func seal(dst []byte, deadline int64, value []byte, least int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, max(envelopeHeader+len(value), least))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(deadline))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	dst = append(dst, value...)
	if pad := least - (len(dst) - start); pad > 0 {
		end := len(dst)
		dst = dst[:end+pad]
		clear(dst[end:])
	}
	return dst
}

// open returns the value in an envelope, cut so that an append to it cannot
// reach the padding, and its deadline.
func open(envelope []byte) (value []byte, deadline int64, err error) {
	if len(envelope) < envelopeHeader {
		return nil, 0, errDamaged
	}
	at := binary.LittleEndian.Uint64(envelope)
	n := binary.LittleEndian.Uint32(envelope[8:])
	body := envelope[envelopeHeader:]
	if at > math.MaxInt64 || uint64(n) > uint64(len(body)) {
		return nil, 0, errDamaged
	}
	return body[:n:n], int64(at), nil
}

// deadlineAfter adds ttl to now and stops at the end of time.
func deadlineAfter(now int64, ttl time.Duration) int64 {
	if int64(ttl) > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + int64(ttl)
}
