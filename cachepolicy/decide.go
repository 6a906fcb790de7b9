package cachepolicy

import "time"

// Entry is what a cache remembers of a stored reply, as far as its reuse
// depends on it. Times are durations since a base of the cache's own, on a
// monotonic clock.
type Entry struct {
	// Requested is when the request that fetched the reply was begun. Age
	// counts from there (RFC 9111 section 4.2.3, the "corrected initial age").
	Requested time.Duration
	// InitialAge is the age that the reply arrived with.
	InitialAge time.Duration
	// Terms are what the reply was stored under.
	Terms Terms
	// Invalidated: something has made the reply untrue since its request was
	// begun.
	Invalidated bool
}

// Age returns the reply's age at now; RFC 9111 section 4.2.3.
func (e *Entry) Age(now time.Duration) time.Duration {
	return e.InitialAge + max(0, now-e.Requested)
}

// Wish is what one call asks beyond its rule. It only ever tightens the rule:
// [NoWish] asks for nothing.
type Wish struct {
	// MaxAge is the greatest acceptable age; negative: no wish. Zero never
	// accepts a stored reply. RFC 9111 section 5.2.1.1.
	MaxAge time.Duration
	// MinFresh is for how much longer the reply must be fresh; negative: no
	// wish. RFC 9111 section 5.2.1.3.
	MinFresh time.Duration
	// NoCache: not without asking the origin. RFC 9111 section 5.2.1.4.
	NoCache bool
	// OnlyIfCached: not from the origin. RFC 9111 section 5.2.1.7.
	OnlyIfCached bool
}

// NoWish is the Wish of a call that asks for nothing beyond its rule.
var NoWish = Wish{MaxAge: -1, MinFresh: -1}

// Origin is what is known of the backends when a decision is made.
type Origin int

const (
	// OriginUntried: the origin has not been asked in this call.
	OriginUntried Origin = iota
	// OriginFailed: the origin was asked and failed in a way that RFC 5861
	// section 4 calls an error, or it cannot answer in time.
	OriginFailed
)

// Verdict is what to do with a call.
type Verdict int

const (
	// Miss: there is nothing to reuse; ask the origin.
	Miss Verdict = iota
	// Hit: answer with the stored reply, which is fresh.
	Hit
	// Stale: answer with the stored reply, which is stale and granted.
	Stale
	// Validate: there is a stored reply that may not be used without asking
	// the origin.
	Validate
	// Error: the call fails, because it forbade asking the origin or because
	// the origin has failed and nothing stale is granted.
	Error
)

// Reason says what decided.
type Reason int

const (
	// ReasonNone: nothing was stored.
	ReasonNone Reason = iota
	// ReasonFresh: age is below the lifetime and every wish is met.
	ReasonFresh
	// ReasonStale: age has reached the lifetime.
	ReasonStale
	// ReasonWish: the reply is fresh, and the call wishes for better.
	ReasonWish
	// ReasonInvalidated: the reply is known to be untrue.
	ReasonInvalidated
	// ReasonGranted: the reply is stale, the origin failed, and the stale
	// window that the rule grants is open.
	ReasonGranted
)

// Decision is the outcome of [Decide].
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Age is the stored reply's age, and TTL what is left of its lifetime,
	// negative once it is stale. Both are zero when nothing was stored, or what
	// was is invalidated.
	Age, TTL time.Duration
}

// Decide is the one place where it is decided that stored data may be reused. It
// is a pure function: of the entry (nil when nothing is stored), the rule, the
// call's wish, the time, and what is known of the origin.
//
//	reply_is_fresh = lifetime > age            (RFC 9111 section 4.2)
//	lifetime       = min(what the reply was stored under, rule.MaxAge)
//	stale_granted  = age < lifetime + min(stale-if-error of both), the origin
//	                 having failed             (RFC 5861 section 4)
//
// A call with a MaxAge, MinFresh or NoCache of its own is never answered with a
// stale reply: "Unless the max-stale request directive is also present, the
// client does not wish to receive a stale response" (RFC 9111 section 5.2.1.1).
func Decide(e *Entry, r *Rule, w Wish, now time.Duration, o Origin) Decision {
	if e == nil || e.Invalidated {
		d := Decision{Reason: ReasonNone}
		if e != nil {
			d.Reason = ReasonInvalidated
		}
		d.Verdict = unusable(Miss, w, o)
		return d
	}
	age := e.Age(now)
	lifetime := min(e.Terms.Lifetime, r.MaxAge)
	d := Decision{Age: age, TTL: lifetime - age}
	fresh := lifetime > age
	switch {
	case fresh && w.accepts(age, d.TTL):
		d.Verdict, d.Reason = Hit, ReasonFresh
	case !fresh && o == OriginFailed && w.acceptsStale() && age < lifetime+min(e.Terms.StaleIfError, r.StaleIfError):
		d.Verdict, d.Reason = Stale, ReasonGranted
	case fresh:
		d.Verdict, d.Reason = unusable(Validate, w, o), ReasonWish
	default:
		d.Verdict, d.Reason = unusable(Validate, w, o), ReasonStale
	}
	return d
}

// unusable turns the verdict to ask the origin into Error where it cannot be
// asked.
func unusable(ask Verdict, w Wish, o Origin) Verdict {
	if w.OnlyIfCached || o == OriginFailed {
		return Error
	}
	return ask
}

func (w Wish) accepts(age, ttl time.Duration) bool {
	switch {
	case w.NoCache:
		return false
	case w.MaxAge == 0 || w.MaxAge > 0 && age > w.MaxAge:
		return false
	case w.MinFresh >= 0 && ttl < w.MinFresh:
		return false
	}
	return true
}

func (w Wish) acceptsStale() bool { return !w.NoCache && w.MaxAge < 0 && w.MinFresh < 0 }
