package wire

import (
	"slices"
	"strings"
)

// Response is what a reply says about its reuse: the directives of RFC 9111
// section 5.2.2 and RFC 5861 that freshet heeds. The zero Response
// says nothing.
//
// What the parsers and [MergeResponse] return is normal: Private excludes
// Public, NoCache excludes NoCacheFields, and NoCacheFields is sorted.
type Response struct {
	// MaxAge is the freshness lifetime; SMaxAge replaces it in a shared cache,
	// which scope PUBLIC is, and there also has the meaning of ProxyRevalidate
	// (section 5.2.2.10). Whole seconds, at most [MaxSeconds].
	MaxAge, SMaxAge Seconds
	// StaleIfError shortens the window in which the reply may be served stale
	// when the origin fails.
	StaleIfError Seconds
	// StaleWhileRevalidate shortens the window in which it may be served stale while
	// another one is fetched (RFC 5861 section 3).
	StaleWhileRevalidate Seconds
	// NoStore: the reply must not be stored.
	NoStore bool
	// NoCache: the reply must not be used without asking the origin.
	NoCache bool
	// NoCacheFields names, in lower case, the reply's metadata that must not be
	// used without asking the origin: the qualified no-cache.
	NoCacheFields []string
	// Private: the reply is for one principal. The qualified form, private="x",
	// counts as the plain one, as section 5.2.2.7 says that caches often have it.
	Private bool
	// Public: the reply may be stored although the call carries credentials.
	Public bool
	// MustRevalidate: once stale, the reply must not be used without asking the
	// origin, not even when that fails. ProxyRevalidate says so to shared caches.
	MustRevalidate, ProxyRevalidate bool
}

const fieldCacheControl = "cache-control"

// ParseResponse reads the cache-control of a reply, all values of the key being
// one list (RFC 9111 section 5.2). No values, or empty ones, say nothing.
//
// Names are case-insensitive; arguments may be tokens or quoted; unknown
// directives are ignored with their arguments. "When there is more than one
// value present for a given directive [...] either the first occurrence should
// be used or the response should be considered stale" (section 4.2.1): the
// smallest counts, which is at most the first. Of conflicting directives the
// most restrictive counts. A directive that takes no argument and has one counts
// if it restricts, and is ignored if it permits.
//
// The error, which wraps [ErrMalformed], says that the reply must not be stored;
// the Response beside it is a bare no-store, which says the same. It is returned
// for a break of the grammar anywhere, a max-age, s-maxage, stale-if-error or
// stale-while-revalidate that is not a number of whole seconds ("Caches are encouraged to consider
// responses that have invalid freshness information [...] to be stale"), and a
// field over [MaxFieldBytes] or [MaxDirectives].
func ParseResponse(values []string) (Response, error) {
	var r Response
	var d directive
	s := newScanner(values)
	for s.next(&d) {
		if err := r.add(&d); err != nil {
			return Response{NoStore: true}, err
		}
	}
	if s.failed {
		return Response{NoStore: true}, malformed(fieldCacheControl, "want a list of directives", s.bad)
	}
	r.normalize()
	return r, nil
}

// add takes one directive in.
func (r *Response) add(d *directive) error {
	switch name := d.name; {
	case strings.EqualFold(name, "max-age"):
		return r.seconds(&r.MaxAge, d)
	case strings.EqualFold(name, "s-maxage"):
		return r.seconds(&r.SMaxAge, d)
	case strings.EqualFold(name, "stale-if-error"):
		return r.seconds(&r.StaleIfError, d)
	case strings.EqualFold(name, "stale-while-revalidate"):
		return r.seconds(&r.StaleWhileRevalidate, d)
	case strings.EqualFold(name, "no-store"):
		r.NoStore = true
	case strings.EqualFold(name, "no-cache"):
		r.noCache(d.form != noArg, d.arg)
	case strings.EqualFold(name, "private"):
		r.Private = true
	case strings.EqualFold(name, "public"):
		r.Public = r.Public || d.form == noArg
	case strings.EqualFold(name, "must-revalidate"):
		r.MustRevalidate = true
	case strings.EqualFold(name, "proxy-revalidate"):
		r.ProxyRevalidate = true
	}
	return nil
}

func (r *Response) seconds(to *Seconds, d *directive) error {
	n, ok := deltaSeconds(d.arg)
	if !ok {
		return malformed(fieldCacheControl, d.name+" must be a number of whole seconds", d.arg)
	}
	*to = smaller(*to, Some(n))
	return nil
}

// noCache takes in a no-cache whose qualification, if it has one, is a list of
// field names. One that names nothing, something that is no name, or more than
// MaxDirectives, counts as unqualified.
func (r *Response) noCache(qualified bool, fields string) {
	if !qualified {
		r.NoCache = true
		return
	}
	before := len(r.NoCacheFields)
	for f := range strings.SplitSeq(fields, ",") {
		f = strings.Trim(f, " \t")
		if f == "" {
			continue
		}
		if !isToken(f) || len(r.NoCacheFields) == MaxDirectives {
			r.NoCache = true
			return
		}
		r.NoCacheFields = append(r.NoCacheFields, strings.ToLower(f))
	}
	r.NoCache = r.NoCache || len(r.NoCacheFields) == before
}

// normalize lets the restriction win where two directives exclude each other.
func (r *Response) normalize() {
	if r.Private {
		r.Public = false
	}
	if r.NoCache {
		r.NoCacheFields = nil
	}
	if len(r.NoCacheFields) > 1 {
		slices.Sort(r.NoCacheFields)
		r.NoCacheFields = slices.Compact(r.NoCacheFields)
	}
}
