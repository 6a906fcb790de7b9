package cachepolicy

import (
	"time"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

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
	// InvalidatesSoftly: what Invalidates names becomes stale, not invalid.
	InvalidatesSoftly bool
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
	// UnsyncedMaxAge is the bound of fresh reuse while no invalidation log is
	// being heard; absent: MaxAge. At most MaxAge.
	UnsyncedMaxAge wire.Optional[time.Duration]
	// StaleIfError is for how long after its lifetime a reply may be served
	// when the origin fails; 0: never. StaleWhileRevalidate is the same while a new one is
	// fetched in the background, and StaleIfOverloaded while the backends are
	// overloaded.
	StaleIfError, StaleWhileRevalidate, StaleIfOverloaded time.Duration
	// NegativeMaxAge is the greatest lifetime of a cached error; 0: errors are not
	// cached.
	NegativeMaxAge time.Duration
	// NegativeCodes are the errors that may be cached.
	NegativeCodes Codes
	// HoldOff is for how long after an invalidation without a version replies to new
	// requests are returned and not stored.
	HoldOff time.Duration
	// SoftTimeout is how long a call waits for the origin before a stale reply that
	// StaleIfError grants is served instead; 0: as long as the call's deadline allows.
	SoftTimeout time.Duration
	// EagerRefresh is the fraction of its lifetime after which a reply in use is
	// fetched anew in the background; in [0, 1), 0: never.
	EagerRefresh float64
	// Jitter is the largest fraction by which a lifetime is shortened at random; in
	// [0, 1).
	Jitter float64
	// SharedReply: the messages within a reply that was answered from memory are shared between
	// callers, who must not change them.
	SharedReply bool
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
	// Batch says how the method's ids and items correspond; nil: replies are kept whole.
	Batch *Batch

	excluded []fieldPath
}
