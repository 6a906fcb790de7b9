package cachepolicy

import (
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// Why a reply may not be kept, for [Rule.Admit]'s error to be compared with. The
// texts are short enough for a cache-status detail.
var (
	ErrNoStore   = errors.New("no-store")
	ErrNoCache   = errors.New("no-cache")
	ErrPrivate   = errors.New("private")
	ErrVary      = errors.New("vary")
	ErrMalformed = errors.New("malformed metadata")
	ErrGroups    = errors.New("groups")
)

// Reply is a reply of the origin, as far as keeping it depends on it. The maps
// are metadata with lower-case keys, such as gRPC's.
type Reply struct {
	Request, Message proto.Message
	Header, Trailer  map[string][]string
}

// Terms are what a reply is kept under.
type Terms struct {
	// Lifetime is the freshness lifetime, at most the rule's MaxAge.
	Lifetime time.Duration
	// StaleIfError is the window after it, at most the rule's.
	StaleIfError time.Duration
}

// Admission says how a reply may be kept.
type Admission struct {
	Terms
	// InitialAge is the age that the reply arrived with (RFC 9111 section 5.1).
	InitialAge time.Duration
	// Groups are those of the rule's templates and those that the server named,
	// each once.
	Groups []string
	// Omit lists metadata keys that may not be kept: "no-cache" with field
	// names (RFC 9111 section 5.2.2.4).
	Omit []string
}

// Admit decides whether a reply with status OK may be kept to be used again, and
// under what terms. The error is one of those above when it may not: such a
// reply is for the call alone that fetched it.
//
// Header and trailer are both read, and the more restrictive counts; a valid
// rpc-cache-control replaces cache-control (RFC 9213). A lifetime of zero is no
// error: the reply may be kept for stale_if_error.
func (r *Rule) Admit(reply Reply) (Admission, error) {
	a := Admission{InitialAge: max(wire.ParseAge(reply.Header[wire.KeyAge]), wire.ParseAge(reply.Trailer[wire.KeyAge]))}
	said, err := wire.ReplyDirectives(reply.Header, reply.Trailer)
	switch {
	case err != nil:
		return a, ErrMalformed
	case said.NoStore:
		return a, ErrNoStore
	case said.NoCache || slices.ContainsFunc(said.NoCacheFields, saysReuse):
		// Without what says how it may be reused it is not to be reused.
		return a, ErrNoCache
	case said.Private && r.Scope == Public:
		// "a shared cache MUST NOT store the response" (section 5.2.2.7)
		return a, ErrPrivate
	}
	if !r.variesOnlyByKey(reply) {
		return a, ErrVary
	}
	if a.Groups, err = r.groupsOf(reply); err != nil {
		return a, err
	}
	a.Lifetime, a.StaleIfError, a.Omit = r.lifetime(said), r.staleIfError(said), said.NoCacheFields
	return a, nil
}

// lifetime is RFC 9111 section 4.2.1 without heuristics: "If the cache is shared
// and the s-maxage response directive is present, use its value, or if the
// max-age response directive is present, use its value".
func (r *Rule) lifetime(said wire.Response) time.Duration {
	d := said.MaxAge.Or(r.DefaultMaxAge)
	if r.Scope == Public {
		d = said.SMaxAge.Or(d)
	}
	return min(d, r.MaxAge)
}

// staleIfError is the rule's window, which a reply may shorten and close:
// "must-revalidate [...] once the response has become stale, a cache MUST NOT
// reuse that response [...] until it has been successfully validated" (section
// 5.2.2.2). In a shared cache proxy-revalidate says the same, and s-maxage
// implies it (section 5.2.2.10).
func (r *Rule) staleIfError(said wire.Response) time.Duration {
	_, sMaxAge := said.SMaxAge.Get()
	if said.MustRevalidate || r.Scope == Public && (said.ProxyRevalidate || sMaxAge) {
		return 0
	}
	return min(said.StaleIfError.Or(r.StaleIfError), r.StaleIfError)
}

// variesOnlyByKey reports whether all that the reply varies by is part of the
// key. "A stored response with a Vary header field value containing a member "*"
// always fails to match" (RFC 9111 section 4.1).
func (r *Rule) variesOnlyByKey(reply Reply) bool {
	for _, md := range []map[string][]string{reply.Header, reply.Trailer} {
		keys, everything := wire.ParseVary(md[wire.KeyVary])
		if everything {
			return false
		}
		for _, k := range keys {
			if _, ok := slices.BinarySearch(r.Vary, k); !ok {
				return false
			}
		}
	}
	return true
}

func (r *Rule) groupsOf(reply Reply) ([]string, error) {
	groups, err := r.Groups.Expand(reply.Request, reply.Message)
	if err != nil {
		return nil, ErrGroups
	}
	named := append(slices.Clone(reply.Header[wire.KeyCacheGroups]), reply.Trailer[wire.KeyCacheGroups]...)
	if len(named) == 0 {
		return groups, nil
	}
	more, err := wire.ParseGroups(named)
	switch {
	case errors.Is(err, wire.ErrLimit):
		return nil, ErrGroups
	case err != nil:
		return nil, ErrMalformed
	}
	for _, g := range more {
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) > wire.MaxGroups {
		return nil, ErrGroups
	}
	return groups, nil
}
