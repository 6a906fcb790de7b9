package cachepolicy

import "time"

// Wish is what one call asks beyond its rule. It only ever tightens the rule, but
// for MaxStale: [NoWish] asks for nothing.
type Wish struct {
	// MaxAge is the greatest acceptable age; negative: no wish. Zero never
	// accepts a stored reply. RFC 9111 section 5.2.1.1.
	MaxAge time.Duration
	// MaxStale is by how much the reply may have exceeded its lifetime, at most as
	// far as the rule's MaxAge; negative: no wish. It bounds what the rule's windows
	// grant, too. RFC 9111 section 5.2.1.2.
	MaxStale time.Duration
	// MinFresh is for how much longer the reply must be fresh; negative: no
	// wish. RFC 9111 section 5.2.1.3.
	MinFresh time.Duration
	// StaleIfError shortens the rule's window of that name; negative: no wish.
	// RFC 5861 section 4.
	StaleIfError time.Duration
	// MinVersion is the least acceptable version, which a reply without one does not
	// have; 0: no wish.
	MinVersion uint64
	// NoCache: not without asking the origin. RFC 9111 section 5.2.1.4.
	NoCache bool
	// OnlyIfCached: not from the origin. RFC 9111 section 5.2.1.7.
	OnlyIfCached bool
}

// NoWish is the Wish of a call that asks for nothing beyond its rule.
var NoWish = Wish{MaxAge: -1, MaxStale: -1, MinFresh: -1, StaleIfError: -1}

func (w Wish) accepts(e *Entry, age, ttl time.Duration) bool {
	switch {
	case w.NoCache:
		return false
	case w.MaxAge == 0 || w.MaxAge > 0 && age > w.MaxAge:
		return false
	case w.MinFresh >= 0 && ttl < w.MinFresh:
		return false
	case e.Version < w.MinVersion:
		return false
	}
	return true
}

// acceptsStale says whether the call could do with a reply that exceeds its lifetime by
// over.
func (w Wish) acceptsStale(e *Entry, age, over time.Duration) bool {
	switch {
	case w.NoCache || w.MinFresh >= 0 || e.Version < w.MinVersion:
		return false
	case w.MaxStale >= 0:
		// "has exceeded its freshness lifetime by no more than the specified
		// number of seconds" (RFC 9111 section 5.2.1.2)
		return over <= w.MaxStale && (w.MaxAge < 0 || w.MaxAge > 0 && age <= w.MaxAge)
	default:
		return w.MaxAge < 0
	}
}
