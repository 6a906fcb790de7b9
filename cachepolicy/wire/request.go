package wire

import (
	"strings"
	"time"
)

// Request is what a call asks of caches: the directives of RFC 9111 section
// 5.2.1 that freshet heeds. The zero Request asks for nothing.
type Request struct {
	// MaxAge is the greatest acceptable age. Zero accepts nothing stored.
	MaxAge Seconds
	// MinFresh is for how much longer the reply must be fresh.
	MinFresh Seconds
	// MaxStale is by how much the reply may have exceeded its lifetime; "max-stale" without an
	// argument is [MaxSeconds], "a stale response of any age".
	MaxStale Seconds
	// StaleIfError shortens the window of that name (RFC 5861 section 4).
	StaleIfError Seconds
	// NoCache: not without asking the origin.
	NoCache bool
	// NoStore: the reply is not to be stored.
	NoStore bool
	// OnlyIfCached: not from the origin.
	OnlyIfCached bool
}

// ParseRequest reads the cache-control of a call, all values of the key being
// one list. Unknown directives are ignored.
//
// A malformed wish errs towards the origin: a max-age that is not a number of
// whole seconds is 0, as are such a max-stale and stale-if-error; a min-fresh that is not, a break of the grammar and a
// field over [MaxFieldBytes] or [MaxDirectives] are no-cache. Of a repeated directive the strictest
// counts: the smallest max-age, max-stale and stale-if-error, the largest min-fresh. The arguments of those
// that take none are ignored.
func ParseRequest(values []string) Request {
	var r Request
	var d directive
	s := newScanner(values)
	for s.next(&d) {
		r.add(&d)
	}
	if s.failed {
		r.NoCache = true
	}
	return r
}

func (r *Request) add(d *directive) {
	switch name := d.name; {
	case strings.EqualFold(name, "max-age"):
		age, _ := deltaSeconds(d.arg)
		r.MaxAge = smaller(r.MaxAge, Some(age))
	case strings.EqualFold(name, "min-fresh"):
		least, ok := deltaSeconds(d.arg)
		if !ok {
			r.NoCache = true
			return
		}
		r.MinFresh = Some(max(least, r.MinFresh.Or(0)))
	case strings.EqualFold(name, "max-stale"):
		most, _ := deltaSeconds(d.arg)
		if d.form == noArg {
			most = MaxSeconds * time.Second
		}
		r.MaxStale = smaller(r.MaxStale, Some(most))
	case strings.EqualFold(name, "stale-if-error"):
		window, _ := deltaSeconds(d.arg)
		r.StaleIfError = smaller(r.StaleIfError, Some(window))
	case strings.EqualFold(name, "no-cache"):
		r.NoCache = true
	case strings.EqualFold(name, "no-store"):
		r.NoStore = true
	case strings.EqualFold(name, "only-if-cached"):
		r.OnlyIfCached = true
	}
}

// ParseAge reads the age of a reply, RFC 9111 section 5.1: "a cache encountering
// a message with a list-based Age field value SHOULD use the first member of the
// field value, discarding subsequent ones". A first member that is not a number
// of whole seconds is ignored, and the age then 0; so is it when there is none.
// More than [MaxSeconds] is MaxSeconds.
func ParseAge(values []string) time.Duration {
	if len(values) == 0 {
		return 0
	}
	first, _, _ := strings.Cut(values[0], ",")
	age, _ := deltaSeconds(strings.Trim(first, " \t"))
	return age
}
