package cache

import (
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/cachepolicy"
)

// CallOption asks something of the cache for one call. It is passed like any
// grpc.CallOption, and to a channel without a cache it means nothing. Call
// options only ever tighten a method's rule, but for [MaxStale]; where two contradict
// each other the tighter one holds, and of two [Report] options both are filled in.
type CallOption struct {
	grpc.EmptyCallOption
	apply func(*callConfig)
}

// callConfig is what a call's options ask of the cache.
type callConfig struct {
	wish    cachepolicy.Wish
	noStore bool
	reports []*Outcome
}

// into applies the option; the zero CallOption asks for nothing.
func (o CallOption) into(c *callConfig) {
	if o.apply != nil {
		o.apply(c)
	}
}

// MaxAge accepts a stored reply only if it is no older than d. MaxAge(0) accepts
// none; a negative d counts as 0. With it the call is never answered with a
// stale reply. RFC 9111 section 5.2.1.1.
func MaxAge(d time.Duration) CallOption {
	return CallOption{apply: func(c *callConfig) {
		if d = max(0, d); c.wish.MaxAge < 0 || d < c.wish.MaxAge {
			c.wish.MaxAge = d
		}
	}}
}

// MinFresh accepts a stored reply only if it will be fresh for at least d more;
// a negative d counts as 0. With it the call is never answered with a stale
// reply. RFC 9111 section 5.2.1.3.
func MinFresh(d time.Duration) CallOption {
	return CallOption{apply: func(c *callConfig) { c.wish.MinFresh = max(c.wish.MinFresh, d, 0) }}
}

// MaxStale accepts a stored reply that has exceeded its lifetime by at most d, though
// never one as old as the rule's max_age: it reaches as far as a server has
// shortened the lifetime, and no further. A reply that is marked must-revalidate
// or no-cache is not accepted. It also bounds what the rule's stale windows grant this
// call; a negative d counts as 0. RFC 9111 section 5.2.1.2.
func MaxStale(d time.Duration) CallOption {
	return CallOption{apply: func(c *callConfig) {
		if d = max(0, d); c.wish.MaxStale < 0 || d < c.wish.MaxStale {
			c.wish.MaxStale = d
		}
	}}
}

// MinVersion accepts only a reply of at least that version, in the numbers of its
// server's cache-version: a stored one that is older, or has none, is not used, and the
// server is told (cache-min-version). An origin whose reply is older is asked once
// more, on another endpoint where the policy freshet is in use; if that helps
// nothing the reply is returned with [Outcome.Lagging]. 0 asks for nothing.
func MinVersion(v uint64) CallOption {
	return CallOption{apply: func(c *callConfig) { c.wish.MinVersion = max(c.wish.MinVersion, v) }}
}

// NoCache asks the origin, whatever is stored, and joins no call that is already
// under way. The reply is stored. Where what is stored has an etag, the origin is asked
// whether it is still good. RFC 9111 section 5.2.1.4.
func NoCache() CallOption {
	return CallOption{apply: func(c *callConfig) { c.wish.NoCache = true }}
}

// NoStore keeps this call's reply out of the store; a reply that is stored
// already may answer it. RFC 9111 section 5.2.1.5.
func NoStore() CallOption {
	return CallOption{apply: func(c *callConfig) { c.noStore = true }}
}

// OnlyIfCached asks the store and never the origin: where nothing usable is
// stored the call fails with UNAVAILABLE and an ErrorInfo of reason
// [ReasonOnlyIfCachedMiss] and domain [ErrorDomain]. RFC 9111 section 5.2.1.7. A
// method without a cache rule has no store to ask, and asks its origin.
//
// A retry interceptor between the caller and the cache will retry UNAVAILABLE:
// place it behind the cache, or exclude the reason.
func OnlyIfCached() CallOption {
	return CallOption{apply: func(c *callConfig) { c.wish.OnlyIfCached = true }}
}

// Report fills in o when the call ends, whatever its end. o must not be read
// before that, nor be shared between calls under way. A call of a method
// without a cache rule reports [Bypass]. A nil o reports to nobody, and on
// a channel without a cache o stays as it was.
func Report(o *Outcome) CallOption {
	return CallOption{apply: func(c *callConfig) {
		if o != nil {
			c.reports = append(c.reports, o)
		}
	}}
}
