package wire

import (
	"math"
	"strconv"
)

// CacheName is the name under which freshet's caches stand in cache-status.
const CacheName = "freshet"

// Fwd says why a cache asked the origin; RFC 9211 section 2.2.
type Fwd string

// The reasons. The zero Fwd is none.
const (
	// FwdBypass: the cache was configured not to handle the call.
	FwdBypass Fwd = "bypass"
	// FwdMethod: the method is not one whose replies are reused.
	FwdMethod Fwd = "method"
	// FwdURIMiss: nothing is stored for this method and request.
	FwdURIMiss Fwd = "uri-miss"
	// FwdVaryMiss: what is stored was for other request metadata.
	FwdVaryMiss Fwd = "vary-miss"
	// FwdMiss: nothing that is stored can be used, for a reason not said more
	// exactly.
	FwdMiss Fwd = "miss"
	// FwdRequest: what is stored is fresh, and the call's own directives ask for
	// better.
	FwdRequest Fwd = "request"
	// FwdStale: what is stored is stale.
	FwdStale Fwd = "stale"
)

// Status is one cache's member of cache-status, RFC 9211: how it handled a call.
type Status struct {
	// Cache is the cache's name. Unset: [CacheName].
	Cache string
	// Hit: answered from the cache. Fwd, FwdStatus, Stored and Collapsed then go
	// unsaid.
	Hit bool
	// Fwd is why the origin was asked.
	Fwd Fwd
	// FwdStatus is the status code of the origin's answer, in numbers of gRPC: 0
	// is OK.
	FwdStatus Optional[int]
	// Stored: the cache stored the origin's answer.
	Stored bool
	// Collapsed says whether the call shared another's request to the origin.
	Collapsed Optional[bool]
	// TTL is what is left of the reply's freshness lifetime, negative once it is
	// stale.
	TTL Seconds
	// Key is the cache key, in whatever form it may be shown.
	Key string
	// Detail is for people: not to be decided on.
	Detail string
}

// String returns the Status as a member of cache-status, such as
//
//	freshet; hit; ttl=57
//	freshet; fwd=uri-miss; fwd-status=0; stored; ttl=60
//
// It allocates the string and nothing else.
func (s Status) String() string {
	return string(s.AppendTo(make([]byte, 0, 128)))
}

// AppendTo appends what [Status.String] returns to b. What a structured field
// cannot hold is written as "?", and a Fwd that is not a token is left out.
func (s Status) AppendTo(b []byte) []byte {
	if s.Cache == "" {
		b = append(b, CacheName...)
	} else {
		b = appendText(b, s.Cache)
	}
	if s.Hit {
		b = append(b, "; hit"...)
	} else {
		b = s.appendForward(b)
	}
	if d, ok := s.TTL.Get(); ok {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, wholeSeconds(d), 10)
	}
	if s.Key != "" {
		b = append(b, "; key="...)
		b = appendString(b, s.Key)
	}
	if s.Detail != "" {
		b = append(b, "; detail="...)
		b = appendText(b, s.Detail)
	}
	return b
}

func (s *Status) appendForward(b []byte) []byte {
	if isSFToken(string(s.Fwd)) {
		b = append(b, "; fwd="...)
		b = append(b, s.Fwd...)
	}
	if code, ok := s.FwdStatus.Get(); ok {
		b = append(b, "; fwd-status="...)
		b = strconv.AppendInt(b, int64(clampCode(int64(code))), 10)
	}
	if s.Stored {
		b = append(b, "; stored"...)
	}
	if collapsed, ok := s.Collapsed.Get(); ok {
		b = append(b, "; collapsed"...)
		if !collapsed {
			b = append(b, "=?0"...)
		}
	}
	return b
}

// clampCode keeps a status code within 32 bits, so that it is a structured-field
// Integer (15 digits, RFC 9651 section 3.3.1) and an int everywhere.
func clampCode(n int64) int { return int(min(max(n, math.MinInt32), math.MaxInt32)) }

// appendText appends a Token where s is one, and otherwise a String.
func appendText(b []byte, s string) []byte {
	if isSFToken(s) {
		return append(b, s...)
	}
	return appendString(b, s)
}

// isSFToken says that s is a structured-field Token (RFC 9651 section 3.3.4).
func isSFToken(s string) bool {
	if s == "" || s[0] != '*' && !(s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !tokenByte[c] && c != ':' && c != '/' {
			return false
		}
	}
	return true
}
