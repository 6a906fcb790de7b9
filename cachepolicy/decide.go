package cachepolicy

import "time"

// Entry is what a cache remembers of a stored reply, as far as its reuse
// depends on it. Times are durations since a base of the cache's own, on a
// monotonic clock.
type Entry struct {
	// Requested is when the request that fetched the reply was begun, or the last
	// one that validated it. Age counts from there (RFC 9111 section 4.2.3, the
	// "corrected initial age").
	Requested time.Duration
	// InitialAge is the age that the reply arrived with.
	InitialAge time.Duration
	// Terms are what the reply was stored under.
	Terms Terms
	// Version is the reply's; 0: it has none.
	Version uint64
	// Negative: what is stored is an error.
	Negative bool
	// Invalidated: something has made the reply untrue since its request was
	// begun.
	Invalidated bool
	// Soft: a soft invalidation has come since. The reply is stale, and its windows
	// count from Requested.
	Soft bool
	// Synced: an invalidation log that covers the reply has been heard without a
	// gap since Requested, and is being heard.
	Synced bool
}

// Age returns the reply's age at now; RFC 9111 section 4.2.3.
func (e *Entry) Age(now time.Duration) time.Duration {
	return e.InitialAge + max(0, now-e.Requested)
}

// lifetime is what the reply was stored under, within the rule's bounds.
func (e *Entry) lifetime(r *Rule) time.Duration {
	d := min(e.Terms.Lifetime, r.MaxAge)
	if !e.Synced {
		d = min(d, r.UnsyncedMaxAge.Or(d))
	}
	if e.Negative {
		d = min(d, r.NegativeMaxAge)
	}
	if e.Soft {
		d = min(d, e.InitialAge)
	}
	return d
}

// Origin is what is known of the backends when a decision is made.
type Origin int

const (
	// OriginUntried: the origin has not been asked in this call.
	OriginUntried Origin = iota
	// OriginOverloaded: it has not been asked, and is known to have more to do than
	// it can.
	OriginOverloaded
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
	// ReasonSoft: the reply was softly invalidated.
	ReasonSoft
	// ReasonGranted: the reply is stale, the origin failed, and the window that
	// stale_if_error grants is open.
	ReasonGranted
	// ReasonRevalidating: the reply is stale, and the window that
	// stale_while_revalidate grants is open.
	ReasonRevalidating
	// ReasonOverloaded: the reply is stale, the origin overloaded, and the window that
	// stale_if_overloaded grants is open.
	ReasonOverloaded
	// ReasonAccepted: the reply is stale, and the call accepts that (max-stale).
	ReasonAccepted
)

// Decision is the outcome of [Decide].
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Refresh: beside answering, fetch a new reply in the background.
	Refresh bool
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
//	lifetime       = min(what the reply was stored under, the rule's bound)
//	stale_granted  = age < lifetime + min(window of both)   (RFC 5861)
//	               or age <= lifetime + max-stale, age < the rule's bound
//
// The bound is MaxAge, UnsyncedMaxAge where no invalidation log is being heard, and
// NegativeMaxAge for errors, which have no windows.
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
	lifetime := e.lifetime(r)
	d := Decision{Age: age, TTL: lifetime - age}
	fresh := lifetime > age && !e.Soft
	if fresh && !e.Terms.NoCache && w.accepts(e, age, d.TTL) {
		d.Verdict, d.Reason = Hit, ReasonFresh
		d.Refresh = r.EagerRefresh > 0 && o == OriginUntried && !w.OnlyIfCached &&
			float64(age) >= r.EagerRefresh*float64(lifetime)
		return d
	}
	if !fresh && w.acceptsStale(e, age, -d.TTL) {
		if reason, ok := granted(e, r, w, d, o); ok {
			d.Verdict, d.Reason = Stale, reason
			d.Refresh = reason == ReasonRevalidating
			return d
		}
	}
	switch {
	case fresh:
		d.Reason = ReasonWish
		if e.Terms.NoCache {
			d.Reason = ReasonStale
		}
	case e.Soft:
		d.Reason = ReasonSoft
	default:
		d.Reason = ReasonStale
	}
	d.Verdict = unusable(Validate, w, o)
	return d
}

// granted says which grant, if any, lets a stale reply be used.
func granted(e *Entry, r *Rule, w Wish, d Decision, o Origin) (Reason, bool) {
	// "A cache MUST NOT generate a stale response if it is prohibited by an
	// explicit in-protocol directive" (RFC 9111 section 4.2.4).
	if e.Negative || e.Terms.NoCache || e.Terms.MustRevalidate {
		return 0, false
	}
	over := -d.TTL // by how much the lifetime is exceeded
	if o == OriginFailed {
		window := min(e.Terms.StaleIfError, r.StaleIfError)
		if w.StaleIfError >= 0 {
			window = min(window, w.StaleIfError)
		}
		if over < window {
			return ReasonGranted, true
		}
	}
	switch {
	case over < min(e.Terms.StaleWhileRevalidate, r.StaleWhileRevalidate) && !w.OnlyIfCached && o != OriginFailed:
		return ReasonRevalidating, true
	case o == OriginOverloaded && over < r.StaleIfOverloaded:
		return ReasonOverloaded, true
	case w.MaxStale >= 0 && d.Age < r.MaxAge: // over <= w.MaxStale has been looked at
		return ReasonAccepted, true
	}
	return 0, false
}

// unusable turns the verdict to ask the origin into Error where it cannot be
// asked.
func unusable(ask Verdict, w Wish, o Origin) Verdict {
	if w.OnlyIfCached || o == OriginFailed {
		return Error
	}
	return ask
}
