package wire

import (
	"errors"
	"slices"
)

// MergeResponse joins what a reply's header and its trailer say: "the most
// restrictive directive should be honored" (RFC 9111 section 4.2.1). Lifetimes
// are compared as each cache would use them: an s-maxage in one place does not
// lengthen a max-age in the other. It commutes, and joining a Response with
// itself or with the zero Response changes nothing.
func MergeResponse(a, b Response) Response {
	r := Response{
		MaxAge:       smaller(a.MaxAge, b.MaxAge),
		StaleIfError: smaller(a.StaleIfError, b.StaleIfError),

		StaleWhileRevalidate: smaller(a.StaleWhileRevalidate, b.StaleWhileRevalidate),

		NoStore:         a.NoStore || b.NoStore,
		NoCache:         a.NoCache || b.NoCache,
		Private:         a.Private || b.Private,
		Public:          a.Public || b.Public,
		MustRevalidate:  a.MustRevalidate || b.MustRevalidate,
		ProxyRevalidate: a.ProxyRevalidate || b.ProxyRevalidate,
	}
	if a.SMaxAge.set || b.SMaxAge.set {
		r.SMaxAge = smaller(a.shared(), b.shared())
	}
	if len(a.NoCacheFields)+len(b.NoCacheFields) > 0 {
		r.NoCacheFields = slices.Concat(a.NoCacheFields, b.NoCacheFields)
	}
	r.normalize()
	return r
}

// shared is the lifetime in a shared cache: s-maxage "overrides the maximum age
// specified by [...] the max-age directive" (RFC 9111 section 5.2.2.10).
func (r *Response) shared() Seconds {
	if r.SMaxAge.set {
		return r.SMaxAge
	}
	return r.MaxAge
}

// ReplyDirectives joins what the header and the trailer of a reply say of its
// reuse: a valid rpc-cache-control in either replaces cache-control (RFC 9213),
// and of header and trailer the more restrictive counts. They are two fields and
// not one list: a dictionary's later member would replace an earlier one that
// restricts.
//
// The error is [ParseResponse]'s; the Response beside it says no-store.
func ReplyDirectives(header, trailer map[string][]string) (Response, error) {
	h, okH := ParseTargeted(header[KeyRPCCacheControl])
	t, okT := ParseTargeted(trailer[KeyRPCCacheControl])
	if okH || okT { // an invalid one says nothing
		return MergeResponse(h, t), nil
	}
	h, errH := ParseResponse(header[KeyCacheControl])
	t, errT := ParseResponse(trailer[KeyCacheControl])
	return MergeResponse(h, t), errors.Join(errH, errT)
}
