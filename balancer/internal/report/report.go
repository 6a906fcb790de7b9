// Package report is the wire form of a server's load: the value of the trailer
// freshet-load-bin that [Encode] writes in the server's interceptors and
// [Decode] reads in the client's picker.
//
//	b := report.Encode(nil, report.Report{InFlight: 3, Latency: 12 * time.Millisecond})
//	r, ok := report.Decode(b)
//
// # Format
//
// At most 16 bytes, of which this version writes at most 10:
//
//	byte 0        version (upper four bits, now 1) and flags (lower four bits)
//	  bit 0       draining: the server wants no new calls
//	  bit 1       the latency is known and follows
//	  bit 2       the duration of this call is no latency, as that of a stream
//	  bit 3       overloaded: of something the server has nothing left
//	uvarint       requests in flight, not counting the call that carries the report
//	uvarint       latency in nanoseconds; only if bit 1 is set
//
// A reader ignores bytes after the fields it knows, so a later
// writer may append; a change that an old reader would misread takes a new
// version, which old readers drop. A latency that is not known is absent: zero
// is malformed, because a server without samples must not look infinitely fast.
//
// # Limits
//
// Values that no honest server reports are malformed, too: more than
// [MaxInFlight] requests, or a latency over [MaxLatency]. Decoding never fails a
// call: whoever gets ok == false goes on as if there had been no report.
package report

import (
	"encoding/binary"
	"time"
)

// Key is the name of the trailer.
const Key = "freshet-load-bin"

const (
	// MaxLen is the longest report that a reader accepts, in bytes.
	MaxLen = 16
	// MaxInFlight is the largest number of requests in flight that is believed.
	// A server with a million requests in flight is not one that can be balanced.
	MaxInFlight = 1 << 20
	// MaxLatency is the longest latency that is believed.
	MaxLatency = time.Hour
)

const (
	version     = 1 << 4
	versionMask = 0xf0

	flagDraining   = 1 << 0
	flagLatency    = 1 << 1
	flagUntimed    = 1 << 2
	flagOverloaded = 1 << 3
)

// Report is what a server says of itself at the end of a call.
type Report struct {
	// InFlight counts the requests that the server is working on, without the
	// one that ends.
	InFlight uint32
	// Latency is what the server's requests take at about this level of
	// InFlight; 0 means that it is not known.
	Latency time.Duration
	// Untimed says that the duration of the call that carries the report is no
	// sample of latency: it was a stream, or a call that is not the server's work.
	Untimed bool
	// Draining says that the server wants no new calls.
	Draining bool
	// Overloaded says that all of some resource of the server's is in use.
	Overloaded bool
}

// Encode appends r to dst. Values over the limits are written as the limit, and
// a latency of zero or less as unknown.
func Encode(dst []byte, r Report) []byte {
	head := byte(version)
	if r.Latency > 0 {
		head |= flagLatency
	}
	if r.Untimed {
		head |= flagUntimed
	}
	if r.Draining {
		head |= flagDraining
	}
	if r.Overloaded {
		head |= flagOverloaded
	}
	dst = append(dst, head)
	dst = binary.AppendUvarint(dst, uint64(min(r.InFlight, MaxInFlight)))
	if r.Latency > 0 {
		dst = binary.AppendUvarint(dst, uint64(min(r.Latency, MaxLatency)))
	}
	return dst
}

// Decode reads a report. It reports false for anything that is malformed, of
// another version or over the limits. It does not allocate.
func Decode(s string) (Report, bool) {
	if len(s) == 0 || len(s) > MaxLen || s[0]&versionMask != version {
		return Report{}, false
	}
	r := Report{Untimed: s[0]&flagUntimed != 0, Draining: s[0]&flagDraining != 0, Overloaded: s[0]&flagOverloaded != 0}
	inFlight, rest, ok := uvarint(s[1:])
	if !ok || inFlight > MaxInFlight {
		return Report{}, false
	}
	r.InFlight = uint32(inFlight)
	if s[0]&flagLatency == 0 {
		return r, true
	}
	latency, _, ok := uvarint(rest)
	if !ok || latency == 0 || latency > uint64(MaxLatency) {
		return Report{}, false
	}
	r.Latency = time.Duration(latency)
	return r, true
}

// Notable reports whether what may be a report says that the server is draining or
// overloaded: what must be heard at once, however many reports there are.
func Notable(s string) bool {
	return len(s) > 0 && s[0]&versionMask == version && s[0]&(flagDraining|flagOverloaded) != 0
}

// uvarint is binary.Uvarint for strings, which is what metadata holds. Seven
// bytes hold every number below the limits.
func uvarint(s string) (n uint64, rest string, ok bool) {
	const maxBytes = 7
	for i := 0; i < len(s) && i < maxBytes; i++ {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:], true
		}
	}
	return 0, "", false
}
