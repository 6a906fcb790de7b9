package cachepolicy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// The model below is written from the RFCs, one condition to a sentence, in
// whole ticks. It knows nothing of how Decide is written.

// tick is the model's unit: a third of a second, so that ticks are no whole
// seconds.
const tick = time.Second/3 + 1

// situation is everything that a decision may depend on, in ticks.
type situation struct {
	stored, invalidated, soft, negative, synced bool
	neverStale, alwaysAsk                       bool // must-revalidate, no-cache
	requested, ageValue, version                int
	lifetime, window, refreshWindow             int
	ruleMaxAge, ruleWindow, ruleRefreshWindow   int
	ruleOverloadWindow, ruleNegative            int
	hasUnsynced                                 bool
	ruleUnsynced                                int
	eager                                       float64
	wantsMaxAge, wantsMinFresh, takesStale      bool
	limitsWindow                                bool
	maxAge, minFresh, maxStale, callWindow      int
	minVersion                                  int
	noCache, onlyIfCached                       bool
	origin                                      cachepolicy.Origin
	now                                         int
}

func (s situation) decide() cachepolicy.Decision {
	return cachepolicy.Decide(s.entry(), s.rule(), s.wish(), ticks(s.now), s.origin)
}

func ticks(n int) time.Duration { return time.Duration(n) * tick }

func (s situation) entry() *cachepolicy.Entry {
	if !s.stored {
		return nil
	}
	return &cachepolicy.Entry{
		Requested: ticks(s.requested), InitialAge: ticks(s.ageValue), Invalidated: s.invalidated,
		Soft: s.soft, Negative: s.negative, Synced: s.synced, Version: uint64(s.version),
		Terms: cachepolicy.Terms{
			Lifetime: ticks(s.lifetime), StaleIfError: ticks(s.window), StaleWhileRevalidate: ticks(s.refreshWindow),
			MustRevalidate: s.neverStale, NoCache: s.alwaysAsk,
		},
	}
}

func (s situation) rule() *cachepolicy.Rule {
	r := &cachepolicy.Rule{
		MaxAge: ticks(s.ruleMaxAge), StaleIfError: ticks(s.ruleWindow), StaleWhileRevalidate: ticks(s.ruleRefreshWindow),
		StaleIfOverloaded: ticks(s.ruleOverloadWindow), NegativeMaxAge: ticks(s.ruleNegative), EagerRefresh: s.eager,
	}
	if s.hasUnsynced {
		r.UnsyncedMaxAge = wire.Some(ticks(s.ruleUnsynced))
	}
	return r
}

func (s situation) wish() cachepolicy.Wish {
	w := cachepolicy.NoWish
	if s.wantsMaxAge {
		w.MaxAge = ticks(s.maxAge)
	}
	if s.wantsMinFresh {
		w.MinFresh = ticks(s.minFresh)
	}
	if s.takesStale {
		w.MaxStale = ticks(s.maxStale)
	}
	if s.limitsWindow {
		w.StaleIfError = ticks(s.callWindow)
	}
	w.NoCache, w.OnlyIfCached, w.MinVersion = s.noCache, s.onlyIfCached, uint64(s.minVersion)
	return w
}

// currentAge is RFC 9111 section 4.2.3: the value of the age field, corrected by
// the time since the request was made, which response delay and resident time
// add up to.
func (s situation) currentAge() int {
	elapsed := max(s.now-s.requested, 0)
	return s.ageValue + elapsed
}

// bound is the end of fresh reuse, counted from the reply's making.
func (s situation) bound() int {
	bound := min(s.ruleMaxAge, s.lifetime)
	if s.hasUnsynced && !s.synced {
		bound = min(bound, s.ruleUnsynced)
	}
	if s.negative {
		bound = min(bound, s.ruleNegative)
	}
	if s.soft { // "its windows counting from the start of its fetch"
		bound = min(bound, s.ageValue)
	}
	return bound
}

// model says what may be done, why, and whether a new reply is to be fetched meanwhile.
func (s situation) model() (cachepolicy.Verdict, cachepolicy.Reason, bool) {
	// Whether the origin is there to be asked: section 5.2.1.7, and it has not
	// failed just now.
	failure := s.origin == cachepolicy.OriginFailed
	mayAsk := true
	if s.onlyIfCached {
		mayAsk = false
	}
	if failure {
		mayAsk = false
	}
	if !s.stored || s.invalidated {
		why := cachepolicy.ReasonNone
		if s.stored {
			why = cachepolicy.ReasonInvalidated
		}
		if mayAsk {
			return cachepolicy.Miss, why, false
		}
		return cachepolicy.Error, why, false
	}

	lifetime, age := s.bound(), s.currentAge()
	isFresh := lifetime > age
	if s.soft {
		isFresh = false
	}

	// Section 5.2.1: what the call wants of a stored reply.
	wanted := true
	if s.wantsMaxAge && age > s.maxAge { // 5.2.1.1 "prefers a response whose age is less than or equal to"
		wanted = false
	}
	if s.wantsMaxAge && s.maxAge == 0 { // freshet's own: nothing stored
		wanted = false
	}
	if s.noCache { // 5.2.1.4
		wanted = false
	}
	if s.version < s.minVersion {
		wanted = false
	}
	longEnough := true
	if s.wantsMinFresh && lifetime < age+s.minFresh { // 5.2.1.3 "no less than its current age plus the specified time"
		longEnough = false
	}
	if isFresh && wanted && longEnough && !s.alwaysAsk {
		refresh := s.eager > 0 && float64(ticks(age)) >= s.eager*float64(ticks(lifetime)) &&
			s.origin == cachepolicy.OriginUntried && !s.onlyIfCached
		return cachepolicy.Hit, cachepolicy.ReasonFresh, refresh
	}

	// What is stale, of a reply that does not forbid it.
	if !isFresh && wanted && !s.wantsMinFresh && !s.alwaysAsk && !s.neverStale && !s.negative {
		staleFor := age - lifetime
		// 5.2.1.1: "Unless the max-stale request directive is also present, the
		// client does not wish to receive a stale response".
		tolerable := !s.wantsMaxAge
		if s.takesStale {
			tolerable = staleFor <= s.maxStale
		}
		window := min(s.ruleWindow, s.window)
		if s.limitsWindow {
			window = min(window, s.callWindow)
		}
		switch {
		case !tolerable:
		case failure && staleFor < window: // RFC 5861 section 4
			return cachepolicy.Stale, cachepolicy.ReasonGranted, false
		case mayAsk && staleFor < min(s.ruleRefreshWindow, s.refreshWindow): // section 3
			return cachepolicy.Stale, cachepolicy.ReasonRevalidating, true
		case s.origin == cachepolicy.OriginOverloaded && staleFor < s.ruleOverloadWindow:
			return cachepolicy.Stale, cachepolicy.ReasonOverloaded, false
		case s.takesStale && age < s.ruleMaxAge: // "may pass the lifetime and never max_age"
			return cachepolicy.Stale, cachepolicy.ReasonAccepted, false
		}
	}
	why := cachepolicy.ReasonStale
	if isFresh && !s.alwaysAsk {
		why = cachepolicy.ReasonWish
	}
	if s.soft {
		why = cachepolicy.ReasonSoft
	}
	if mayAsk {
		return cachepolicy.Validate, why, false
	}
	return cachepolicy.Error, why, false
}

// drawSituation draws small numbers, so that ends of windows are met often.
func drawSituation(t *rapid.T) situation {
	n := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
	yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
	often := func(name string) bool { return rapid.IntRange(0, 7).Draw(t, name) > 0 }
	return situation{
		stored: often("stored"), invalidated: !often("valid"), soft: !often("hard"), negative: !often("a reply"),
		synced: yes("synced"), neverStale: !often("may be stale"), alwaysAsk: !often("may be reused"),
		requested: n("requested", -3, 3), ageValue: n("age value", 0, 4), version: n("version", 0, 3),
		lifetime: n("lifetime", 0, 8), window: n("window", 0, 6), refreshWindow: n("window while revalidating", 0, 6),
		ruleMaxAge: n("rule's max_age", 1, 8), ruleWindow: n("rule's window", 0, 6),
		ruleRefreshWindow:  n("rule's window while revalidating", 0, 1) * n("of", 0, 6),
		ruleOverloadWindow: n("rule's window while overloaded", 0, 6), ruleNegative: n("rule's negative_max_age", 0, 8),
		hasUnsynced: !often("no bound without a log"), ruleUnsynced: n("unsynced_max_age", 0, 8),
		eager:       float64(n("eager", 0, 3)) / 4,
		wantsMaxAge: !often("any age"), maxAge: n("max-age", 0, 8),
		wantsMinFresh: !often("any freshness"), minFresh: n("min-fresh", 0, 8),
		takesStale: !often("nothing stale"), maxStale: n("max-stale", 0, 8),
		limitsWindow: !often("whole window"), callWindow: n("call's window", 0, 6),
		minVersion: n("a version", 0, 1) * n("least version", 0, 3),
		noCache:    !often("may be stored"), onlyIfCached: !often("may ask"),
		origin: cachepolicy.Origin(n("origin", 0, 2)),
		now:    n("now", -4, 20),
	}
}

// checkSituations draws many situations to a check, which by itself is but one
// of a hundred.
func checkSituations(t *testing.T, property func(*rapid.T, situation)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		for range 50 {
			property(t, drawSituation(t))
		}
	})
}

func reused(v cachepolicy.Verdict) bool { return v == cachepolicy.Hit || v == cachepolicy.Stale }

func TestDecideAgreesWithModel(t *testing.T) {
	type way struct {
		cachepolicy.Verdict
		cachepolicy.Reason
	}
	seen := map[way]int{}
	checkSituations(t, func(t *rapid.T, s situation) {
		got := s.decide()
		verdict, reason, refresh := s.model()
		if got.Verdict != verdict || got.Reason != reason || got.Refresh != refresh {
			t.Fatalf("got verdict %d for reason %d, refresh %v, want %d for %d, %v, in %+v", got.Verdict, got.Reason, got.Refresh, verdict, reason, refresh, s)
		}
		seen[way{verdict, reason}]++
		if s.stored && !s.invalidated {
			if want := ticks(s.currentAge()); got.Age != want || got.TTL != ticks(s.bound())-want {
				t.Fatalf("got age %v and ttl %v, want %v and %v", got.Age, got.TTL, want, ticks(s.bound())-want)
			}
		} else if got.Age != 0 || got.TTL != 0 {
			t.Fatalf("got age %v and ttl %v of nothing, want 0", got.Age, got.TTL)
		}
	})
	for _, w := range []way{
		{cachepolicy.Miss, cachepolicy.ReasonNone}, {cachepolicy.Miss, cachepolicy.ReasonInvalidated},
		{cachepolicy.Hit, cachepolicy.ReasonFresh},
		{cachepolicy.Stale, cachepolicy.ReasonGranted}, {cachepolicy.Stale, cachepolicy.ReasonRevalidating},
		{cachepolicy.Stale, cachepolicy.ReasonOverloaded}, {cachepolicy.Stale, cachepolicy.ReasonAccepted},
		{cachepolicy.Validate, cachepolicy.ReasonStale}, {cachepolicy.Validate, cachepolicy.ReasonWish}, {cachepolicy.Validate, cachepolicy.ReasonSoft},
		{cachepolicy.Error, cachepolicy.ReasonNone}, {cachepolicy.Error, cachepolicy.ReasonStale}, {cachepolicy.Error, cachepolicy.ReasonWish},
	} {
		if seen[w] == 0 {
			t.Errorf("no situation was drawn whose verdict is %d for reason %d", w.Verdict, w.Reason)
		}
	}
}

func TestDecideInvariants(t *testing.T) {
	checkSituations(t, func(t *rapid.T, s situation) {
		d := s.decide()
		windows := max(s.ruleWindow, s.ruleRefreshWindow, s.ruleOverloadWindow)
		if reused(d.Verdict) && s.currentAge() >= s.ruleMaxAge+windows {
			t.Fatalf("reused at age %d, which is max_age + the longest window or more: %+v", s.currentAge(), s)
		}
		if d.Verdict == cachepolicy.Hit && s.currentAge() >= s.ruleMaxAge {
			t.Fatalf("fresh at age %d, which is max_age or more: %+v", s.currentAge(), s)
		}
		if d.Verdict == cachepolicy.Hit && s.soft {
			t.Fatalf("fresh after a soft invalidation: %+v", s)
		}
		if reused(d.Verdict) && (s.invalidated || !s.stored || s.alwaysAsk) {
			t.Fatalf("reused what is invalidated, not there, or not to be reused: %+v", s)
		}
		if d.Verdict == cachepolicy.Stale && (s.neverStale || s.negative) {
			t.Fatalf("stale although that is forbidden: %+v", s)
		}
		if s.onlyIfCached && (d.Verdict == cachepolicy.Miss || d.Verdict == cachepolicy.Validate || d.Refresh) {
			t.Fatalf("the origin is to be asked although the call forbids it: %+v", s)
		}
		if s.origin == cachepolicy.OriginFailed && (d.Verdict == cachepolicy.Miss || d.Verdict == cachepolicy.Validate || d.Refresh) {
			t.Fatalf("the origin is to be asked again after it has failed: %+v", s)
		}
	})
}

// TestDecideTighterWish: a call that asks for more is never answered from the
// store where one that asks for less is not.
func TestDecideTighterWish(t *testing.T) {
	checkSituations(t, func(t *rapid.T, loose situation) {
		tight := loose
		if rapid.Bool().Draw(t, "tighter max-age") {
			tight.wantsMaxAge = true
			if loose.wantsMaxAge {
				tight.maxAge = rapid.IntRange(0, loose.maxAge).Draw(t, "tight max-age")
			}
		}
		if rapid.Bool().Draw(t, "tighter min-fresh") {
			tight.wantsMinFresh = true
			if loose.wantsMinFresh {
				tight.minFresh = rapid.IntRange(loose.minFresh, 9).Draw(t, "tight min-fresh")
			}
		}
		if loose.takesStale {
			tight.maxStale = rapid.IntRange(0, loose.maxStale).Draw(t, "tight max-stale")
		}
		tight.minVersion = rapid.IntRange(loose.minVersion, 4).Draw(t, "tight version")
		tight.noCache = loose.noCache || rapid.Bool().Draw(t, "tighter no-cache")
		tight.onlyIfCached = loose.onlyIfCached || rapid.Bool().Draw(t, "tighter only-if-cached")
		if a, b := loose.decide(), tight.decide(); !reused(a.Verdict) && reused(b.Verdict) {
			t.Fatalf("verdict %d became %d under a tighter wish:\n%+v\n%+v", a.Verdict, b.Verdict, loose, tight)
		}
	})
}

// TestDecideTighterTerms: nor where the rule or the reply grants less.
func TestDecideTighterTerms(t *testing.T) {
	checkSituations(t, func(t *rapid.T, loose situation) {
		tight := loose
		less := func(name string, most, least int) int { return rapid.IntRange(least, most).Draw(t, name) }
		tight.ruleMaxAge, tight.ruleWindow = less("less max_age", loose.ruleMaxAge, 1), less("less of the rule's window", loose.ruleWindow, 0)
		tight.ruleRefreshWindow = less("less while revalidating", loose.ruleRefreshWindow, 0)
		tight.lifetime, tight.window = less("less lifetime", loose.lifetime, 0), less("less window", loose.window, 0)
		tight.ruleUnsynced, tight.ruleNegative = less("less without a log", loose.ruleUnsynced, 0), less("less of errors", loose.ruleNegative, 0)
		tight.neverStale = loose.neverStale || rapid.Bool().Draw(t, "must-revalidate")
		tight.alwaysAsk = loose.alwaysAsk || rapid.Bool().Draw(t, "no-cache")
		a, b := loose.decide(), tight.decide()
		if !reused(a.Verdict) && reused(b.Verdict) {
			t.Fatalf("verdict %d became %d under tighter terms:\n%+v\n%+v", a.Verdict, b.Verdict, loose, tight)
		}
	})
}

// TestDecideOnlyAges: what is no longer fresh, or no longer reused, never is
// again as time goes on.
func TestDecideOnlyAges(t *testing.T) {
	checkSituations(t, func(t *rapid.T, s situation) {
		wasHit, wasReused := true, true
		for s.now = -5; s.now <= 30; s.now++ {
			v := s.decide().Verdict
			if !wasHit && v == cachepolicy.Hit || !wasReused && reused(v) {
				t.Fatalf("reused at %d, and not before: %+v", s.now, s)
			}
			wasHit, wasReused = v == cachepolicy.Hit, reused(v)
		}
	})
}
