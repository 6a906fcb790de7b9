package cachepolicy

import "time"

// Policy is the compiled policy of one method. It is immutable and safe for
// concurrent use.
type Policy struct {
	// Method is the full name on the wire, "/pkg.Service/Method".
	Method string
	// Safe: the method has no side effects, by its descriptor or because a
	// policy file assumes so. Replies of safe methods invalidate nothing.
	Safe bool
	// Cache says how replies are reused; nil: they are not.
	Cache *Rule
	// Invalidates names what a call makes untrue; nil: nothing that is known
	// beforehand.
	Invalidates *Groups
}

// Scope says who may be answered from one stored reply.
type Scope int

const (
	// Principal: only the principal whose call fetched it (RFC 9111's private
	// cache, one per principal).
	Principal Scope = iota
	// Public: every caller (RFC 9111's shared cache).
	Public
)

// Rule is a compiled cache rule. Durations are whole nanoseconds and never
// negative. It is immutable and safe for concurrent use.
type Rule struct {
	// MaxAge is the hard bound of fresh reuse, greater than zero.
	MaxAge time.Duration
	// DefaultMaxAge is the freshness lifetime of a reply whose server gives
	// none; at most MaxAge.
	DefaultMaxAge time.Duration
	// StaleIfError is for how long after its lifetime a reply may be served
	// when the origin fails; 0: never.
	StaleIfError time.Duration
	// Scope says who may be answered from one stored reply.
	Scope Scope
	// Vary lists the request metadata keys that are part of the key: lower
	// case, sorted, without duplicates. Read-only.
	Vary []string
	// Strip lists the response metadata keys that are not stored. Read-only.
	Strip []string
	// MaxEntryBytes is the largest reply that is stored, in bytes on the wire;
	// 0: what the store takes.
	MaxEntryBytes int
	// Groups are the groups that a reply belongs to. Never nil.
	Groups *Groups

	excluded []fieldPath
}
