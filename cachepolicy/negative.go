package cachepolicy

import (
	"time"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// Codes is a set of status codes, by gRPC's numbers. The zero Codes is empty.
type Codes uint32

// Has reports whether the set holds a code.
func (c Codes) Has(code uint32) bool { return code < 32 && c&(1<<code) != 0 }

// notFound is what negative_codes is when unset.
const notFound = 5

// lastingCodes are the errors that may be true for a while and for everybody. Of the others,
// CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, UNKNOWN,
// INTERNAL and DATA_LOSS may be over the next moment, and UNAUTHENTICATED and
// PERMISSION_DENIED depend on the caller.
var lastingCodes = map[string]uint32{
	"INVALID_ARGUMENT":    3,
	"NOT_FOUND":           notFound,
	"ALREADY_EXISTS":      6,
	"FAILED_PRECONDITION": 9,
	"OUT_OF_RANGE":        11,
	"UNIMPLEMENTED":       12,
}

// negative compiles what is said of cached errors.
func (s source) negative(r *Rule, c *freshetv1.CacheRule) {
	r.NegativeMaxAge, _ = s.duration("cache.negative_max_age", c.GetNegativeMaxAge())
	if r.MaxAge > 0 && r.NegativeMaxAge > r.MaxAge {
		s.fault("cache.negative_max_age", "must be at most max_age (%v), got %v", r.MaxAge, r.NegativeMaxAge)
	}
	for i, name := range c.GetNegativeCodes() {
		code, ok := lastingCodes[name]
		switch at := index("cache.negative_codes", i); {
		case s.unread(at):
		case !ok:
			s.fault(at, "want INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE or UNIMPLEMENTED, got %q: other errors pass, or are the caller's own", name)
		case r.NegativeCodes.Has(code):
			s.fault(at, "%q stands here twice", name)
		default:
			r.NegativeCodes |= 1 << code
		}
	}
	switch {
	case len(c.GetNegativeCodes()) == 0 && r.NegativeMaxAge > 0:
		r.NegativeCodes = 1 << notFound
	case len(c.GetNegativeCodes()) > 0 && r.NegativeMaxAge == 0 && !s.unread("cache.negative_max_age"):
		s.fault("cache.negative_codes", "needs negative_max_age, the lifetime of a cached error")
	}
}

// reachable refuses negative entries that no invalidation would reach: an error has no
// reply to take a group from.
func (s source) reachable(r *Rule) {
	if r.NegativeMaxAge == 0 || !r.Groups.response {
		return
	}
	for _, t := range r.Groups.templates {
		if !t.usesResponse() {
			return
		}
	}
	s.fault("cache.negative_max_age", "needs a group that the request alone names: an error would be in none of the rule's groups, and no invalidation would reach it")
}

// AdmitError is [Rule.Admit] for an error with a status code, by gRPC's numbers: whether and
// under what terms it may be kept. Without directives its lifetime is
// NegativeMaxAge, which directives may shorten; it has no stale windows. Its groups
// are those that the request names and those that the server does. The error is [ErrNegative] for
// codes that the rule does not keep.
func (r *Rule) AdmitError(code uint32, reply Reply) (Admission, error) {
	if r.NegativeMaxAge == 0 || !r.NegativeCodes.Has(code) {
		return Admission{}, ErrNegative
	}
	of := *r
	of.MaxAge, of.DefaultMaxAge = r.NegativeMaxAge, r.NegativeMaxAge
	of.StaleIfError, of.StaleWhileRevalidate, of.StaleIfOverloaded = 0, 0, time.Duration(0)
	reply.Message = nil
	a, err := of.admit(reply, true, "")
	// There is nothing to compare a validator with.
	a.ETag = ""
	if err == nil && a.NoCache {
		err = ErrNoCache
	}
	return a, err
}
