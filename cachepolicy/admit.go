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
	ErrNegative  = errors.New("error")
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
	// StaleIfError and StaleWhileRevalidate are the windows after it, at most the
	// rule's.
	StaleIfError, StaleWhileRevalidate time.Duration
	// MustRevalidate: once stale, the reply is not to be used without asking the origin,
	// whoever grants it.
	MustRevalidate bool
	// NoCache: every use asks the origin first.
	NoCache bool
}

// Admission says how a reply may be kept.
type Admission struct {
	Terms
	// InitialAge is the age that the reply arrived with (RFC 9111 section 5.1).
	InitialAge time.Duration
	// ETag is the reply's validator, as RFC 9110 section 8.8.3 writes it; "": it has none that
	// can be used.
	ETag string
	// Version is the reply's; 0: it has none.
	Version uint64
	// Groups are those of the rule's templates and those that the server named,
	// each once.
	Groups []wire.Group
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
// error: the reply may be kept for its stale windows, or to be validated. A reply with
// no-cache is kept only with a validator: "the cache MUST NOT use the response to satisfy a subsequent
// request without successful validation" (RFC 9111 section 5.2.2.4).
func (r *Rule) Admit(reply Reply) (Admission, error) { return r.admit(reply, false, "") }

// Renew is [Rule.Admit] for the answer that a stored reply with this etag is still good (RFC 9110
// section 15.4.5), whose message is empty: the terms that the stored reply is kept under from
// now on, which stay as they are if the answer has no directives. The answer need not
// say the etag again. The groups are those that the request and the answer name.
func (r *Rule) Renew(reply Reply, stored Terms, etag string) (Admission, error) {
	a, err := r.admit(reply, true, etag)
	if err == nil && !directs(reply.Header) && !directs(reply.Trailer) {
		a.Terms = stored
	}
	return a, err
}

// directs reports whether metadata says anything of a reply's reuse.
func directs(md map[string][]string) bool {
	return len(md[wire.KeyCacheControl])+len(md[wire.KeyRPCCacheControl]) > 0
}

// admit is Admit, for a message that may be missing, and with the etag that a reply has
// which says none.
func (r *Rule) admit(reply Reply, bare bool, etag string) (Admission, error) {
	a := Admission{InitialAge: max(wire.ParseAge(reply.Header[wire.KeyAge]), wire.ParseAge(reply.Trailer[wire.KeyAge]))}
	said, err := wire.ReplyDirectives(reply.Header, reply.Trailer)
	if err != nil {
		return a, ErrMalformed
	}
	if a.ETag, err = wire.ReplyETag(reply.Header, reply.Trailer); err != nil {
		return a, ErrMalformed
	}
	if a.ETag == "" {
		a.ETag = etag
	}
	if a.Version, err = wire.ReplyVersion(reply.Header, reply.Trailer); err != nil {
		return a, ErrMalformed
	}
	switch {
	case said.NoStore:
		return a, ErrNoStore
	case slices.ContainsFunc(said.NoCacheFields, saysReuse), said.NoCache && a.ETag == "":
		// Without what says how it may be reused it is not to be reused.
		return a, ErrNoCache
	case said.Private && r.Scope == Public:
		// "a shared cache MUST NOT store the response" (section 5.2.2.7)
		return a, ErrPrivate
	}
	if !r.variesOnlyByKey(reply) {
		return a, ErrVary
	}
	if a.Groups, err = r.groupsOf(reply, bare, a.Version); err != nil {
		return a, err
	}
	a.Terms, a.Omit = r.Terms(said), said.NoCacheFields
	return a, nil
}

// Terms are what the rule makes of a reply's directives, which may shorten what it grants and
// never lengthen it.
func (r *Rule) Terms(said wire.Response) Terms {
	t := Terms{Lifetime: r.lifetime(said), NoCache: said.NoCache, MustRevalidate: r.mustRevalidate(said)}
	if !t.MustRevalidate && !t.NoCache {
		t.StaleIfError = min(said.StaleIfError.Or(r.StaleIfError), r.StaleIfError)
		t.StaleWhileRevalidate = min(said.StaleWhileRevalidate.Or(r.StaleWhileRevalidate), r.StaleWhileRevalidate)
	}
	return t
}

// Shorten takes the rule's jitter from a lifetime: at most that fraction, by a random u in
// [0, 1). Lifetimes are only shortened, so that no bound is passed.
func (r *Rule) Shorten(lifetime time.Duration, u float64) time.Duration {
	return lifetime - time.Duration(float64(lifetime)*r.Jitter*u)
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

// mustRevalidate reports whether the reply may not be used stale: "must-revalidate
// [...] once the response has become stale, a cache MUST NOT
// reuse that response [...] until it has been successfully validated" (section
// 5.2.2.2). In a shared cache proxy-revalidate says the same, and s-maxage
// implies it (section 5.2.2.10).
func (r *Rule) mustRevalidate(said wire.Response) bool {
	_, sMaxAge := said.SMaxAge.Get()
	return said.MustRevalidate || r.Scope == Public && (said.ProxyRevalidate || sMaxAge)
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

// groupsOf are the groups of a reply, each with its version: "the reply's version in each of its
// groups, unless a member of cache-groups has its own" (see package wire).
func (r *Rule) groupsOf(reply Reply, bare bool, version uint64) ([]wire.Group, error) {
	expand := r.Groups.Expand
	if bare {
		expand = func(req, _ proto.Message) ([]string, error) { return r.Groups.FromRequest(req) }
	}
	names, err := expand(reply.Request, reply.Message)
	if err != nil {
		return nil, ErrGroups
	}
	var groups []wire.Group
	for _, n := range names {
		groups = append(groups, wire.Group{Name: n, Version: version})
	}
	named := append(slices.Clone(reply.Header[wire.KeyCacheGroups]), reply.Trailer[wire.KeyCacheGroups]...)
	if len(named) == 0 {
		return groups, nil
	}
	more, err := wire.ParseGroupList(named)
	switch {
	case errors.Is(err, wire.ErrLimit):
		return nil, ErrGroups
	case err != nil:
		return nil, ErrMalformed
	}
	for _, g := range more {
		own := g.Version != 0
		if !own {
			g.Version = version
		}
		at := slices.IndexFunc(groups, func(have wire.Group) bool { return have.Name == g.Name })
		switch {
		case at < 0:
			groups = append(groups, g)
		case own:
			groups[at].Version = g.Version
		}
	}
	if len(groups) > wire.MaxGroups {
		return nil, ErrGroups
	}
	return groups, nil
}
