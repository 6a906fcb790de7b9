package cache

import (
	"time"
)

// Result says how a call of a method with a cache rule was answered.
type Result int

const (
	// None: the call has not ended, or met no cache.
	None Result = iota
	// Bypass: the cache had no part in it; Outcome.Detail says why.
	Bypass
	// Hit: answered with a stored reply that was fresh, or a kept error
	// (negative_max_age).
	Hit
	// Stale: answered with a stored reply that was stale, which the rule
	// granted, or the call itself ([MaxStale]).
	Stale
	// Validated: answered with a stored reply, which the origin said is still good.
	Validated
	// Miss: answered by the origin.
	Miss
	// Collapsed: answered by the origin, in a call of another caller's.
	Collapsed
	// Error: the call failed, by other than a kept error.
	Error

	results = iota
)

var resultNames = [results]string{"none", "bypass", "hit", "stale", "validated", "miss", "collapsed", "error"}

// String returns the result's name, as telemetry has it: "bypass", "hit",
// "stale", "validated", "miss", "collapsed" or "error"; "none" for the zero value.
func (r Result) String() string {
	if r < 0 || r >= results {
		return "unknown"
	}
	return resultNames[r]
}

// Outcome explains one call; see [Report].
type Outcome struct {
	// Result says how the call was answered.
	Result Result
	// Age is the reply's age when it was handed over, for replies from the
	// store; RFC 9111 section 4.2.3.
	Age time.Duration
	// Lifetime is the freshness lifetime that the reply was stored under; zero
	// for one that is not stored.
	Lifetime time.Duration
	// Collapsed: the call waited for another caller's, whatever came of it.
	Collapsed bool
	// Stored: the store was given the reply because of this call. It may have let it go since, or
	// at once: a full one keeps what is asked for a second time.
	Stored bool
	// Version is the reply's, as its server says (cache-version); 0: it has none.
	Version uint64
	// Lagging: the reply is older than an invalidation, a stored reply or the call
	// itself ([MinVersion]) says that there is one, and asking once more did not help.
	Lagging bool
	// Endpoint is the address of the server that the reply comes from, now or
	// when it was fetched; of a failed call, of the server that was tried last.
	// It is empty where that is not known.
	Endpoint string
	// Detail says in a word or two why a call was bypassed or its reply not
	// stored, as the detail of the cache-status does; empty where there is
	// nothing to explain.
	Detail string
	// CacheStatus is the RFC 9211 member for this call, as it stands in the
	// header metadata too.
	CacheStatus string
}
