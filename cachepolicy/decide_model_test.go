package cachepolicy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
)

// The model below is written from the RFCs, one condition to a sentence, in
// whole ticks. It knows nothing of how Decide is written.

// tick is the model's unit: a third of a second, so that ticks are no whole
// seconds.
const tick = time.Second/3 + 1

// situation is everything that a decision may depend on, in ticks.
type situation struct {
	stored, invalidated            bool
	requested, ageValue            int
	lifetime, window               int
	ruleMaxAge, ruleWindow         int
	wantsMaxAge, wantsMinFresh     bool
	maxAge, minFresh               int
	noCache, onlyIfCached, failure bool
	now                            int
}

func (s situation) decide() cachepolicy.Decision {
	return cachepolicy.Decide(s.entry(), s.rule(), s.wish(), ticks(s.now), s.origin())
}

func ticks(n int) time.Duration { return time.Duration(n) * tick }

func (s situation) entry() *cachepolicy.Entry {
	if !s.stored {
		return nil
	}
	return &cachepolicy.Entry{
		Requested: ticks(s.requested), InitialAge: ticks(s.ageValue), Invalidated: s.invalidated,
		Terms: cachepolicy.Terms{Lifetime: ticks(s.lifetime), StaleIfError: ticks(s.window)},
	}
}

func (s situation) rule() *cachepolicy.Rule {
	return &cachepolicy.Rule{MaxAge: ticks(s.ruleMaxAge), StaleIfError: ticks(s.ruleWindow)}
}

func (s situation) wish() cachepolicy.Wish {
	w := cachepolicy.NoWish
	if s.wantsMaxAge {
		w.MaxAge = ticks(s.maxAge)
	}
	if s.wantsMinFresh {
		w.MinFresh = ticks(s.minFresh)
	}
	w.NoCache, w.OnlyIfCached = s.noCache, s.onlyIfCached
	return w
}

func (s situation) origin() cachepolicy.Origin {
	if s.failure {
		return cachepolicy.OriginFailed
	}
	return cachepolicy.OriginUntried
}

// currentAge is RFC 9111 section 4.2.3: the value of the age field, corrected by
// the time since the request was made, which response delay and resident time
// add up to.
func (s situation) currentAge() int {
	elapsed := max(s.now-s.requested, 0)
	return s.ageValue + elapsed
}

// model says what may be done, and why.
func (s situation) model() (cachepolicy.Verdict, cachepolicy.Reason) {
	// Whether the origin is there to be asked: section 5.2.1.7, and it has not
	// failed just now.
	mayAsk := true
	if s.onlyIfCached {
		mayAsk = false
	}
	if s.failure {
		mayAsk = false
	}
	if !s.stored || s.invalidated {
		why := cachepolicy.ReasonNone
		if s.stored {
			why = cachepolicy.ReasonInvalidated
		}
		if mayAsk {
			return cachepolicy.Miss, why
		}
		return cachepolicy.Error, why
	}

	// The lifetime it was given, which the rule bounds.
	lifetime := min(s.ruleMaxAge, s.lifetime)
	age := s.currentAge()
	isFresh := lifetime > age

	// Section 5.2.1: what the call wants of a stored reply.
	wanted := true
	if s.wantsMaxAge && age > s.maxAge { // 5.2.1.1 "prefers a response whose age is less than or equal to"
		wanted = false
	}
	if s.wantsMaxAge && s.maxAge == 0 { // freshet's own: nothing stored
		wanted = false
	}
	if s.wantsMinFresh && lifetime < age+s.minFresh { // 5.2.1.3 "no less than its current age plus the specified time"
		wanted = false
	}
	if s.noCache { // 5.2.1.4
		wanted = false
	}
	if isFresh && wanted {
		return cachepolicy.Hit, cachepolicy.ReasonFresh
	}

	// RFC 5861 section 4: when an error is met, while it has been stale for less
	// than the window, of which the shorter counts.
	if !isFresh && s.failure {
		window := min(s.ruleWindow, s.window)
		staleFor := age - lifetime
		callAsksForFresh := s.wantsMaxAge || s.wantsMinFresh || s.noCache
		if staleFor < window && !callAsksForFresh {
			return cachepolicy.Stale, cachepolicy.ReasonGranted
		}
	}
	why := cachepolicy.ReasonStale
	if isFresh {
		why = cachepolicy.ReasonWish
	}
	if mayAsk {
		return cachepolicy.Validate, why
	}
	return cachepolicy.Error, why
}

// drawSituation draws small numbers, so that ends of windows are met often.
func drawSituation(t *rapid.T) situation {
	n := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
	yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
	often := func(name string) bool { return rapid.IntRange(0, 7).Draw(t, name) > 0 }
	return situation{
		stored: often("stored"), invalidated: !often("valid"),
		requested: n("requested", -3, 3), ageValue: n("age value", 0, 4),
		lifetime: n("lifetime", 0, 8), window: n("window", 0, 6),
		ruleMaxAge: n("rule's max_age", 1, 8), ruleWindow: n("rule's window", 0, 6),
		wantsMaxAge: !often("any age"), maxAge: n("max-age", 0, 8),
		wantsMinFresh: !often("any freshness"), minFresh: n("min-fresh", 0, 8),
		noCache: !often("may be stored"), onlyIfCached: !often("may ask"), failure: yes("failure"),
		now: n("now", -4, 20),
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
	seen := map[cachepolicy.Verdict]int{}
	checkSituations(t, func(t *rapid.T, s situation) {
		got := s.decide()
		verdict, reason := s.model()
		if got.Verdict != verdict || got.Reason != reason {
			t.Fatalf("got verdict %d for reason %d, want %d for %d, in %+v", got.Verdict, got.Reason, verdict, reason, s)
		}
		seen[verdict]++
		if s.stored && !s.invalidated {
			lifetime := min(s.lifetime, s.ruleMaxAge)
			if want := ticks(s.currentAge()); got.Age != want || got.TTL != ticks(lifetime)-want {
				t.Fatalf("got age %v and ttl %v, want %v and %v", got.Age, got.TTL, want, ticks(lifetime)-want)
			}
		} else if got.Age != 0 || got.TTL != 0 {
			t.Fatalf("got age %v and ttl %v of nothing, want 0", got.Age, got.TTL)
		}
	})
	for v := cachepolicy.Miss; v <= cachepolicy.Error; v++ {
		if seen[v] == 0 {
			t.Errorf("no situation was drawn whose verdict is %d", v)
		}
	}
}

func TestDecideInvariants(t *testing.T) {
	checkSituations(t, func(t *rapid.T, s situation) {
		d := s.decide()
		if reused(d.Verdict) && s.currentAge() >= s.ruleMaxAge+s.ruleWindow {
			t.Fatalf("reused at age %d, which is max_age + stale_if_error or more: %+v", s.currentAge(), s)
		}
		if d.Verdict == cachepolicy.Hit && s.currentAge() >= s.ruleMaxAge {
			t.Fatalf("fresh at age %d, which is max_age or more: %+v", s.currentAge(), s)
		}
		if d.Verdict == cachepolicy.Stale && !s.failure {
			t.Fatalf("stale although the origin has not failed: %+v", s)
		}
		if reused(d.Verdict) && (s.invalidated || !s.stored) {
			t.Fatalf("reused what is invalidated or not there: %+v", s)
		}
		if s.onlyIfCached && (d.Verdict == cachepolicy.Miss || d.Verdict == cachepolicy.Validate) {
			t.Fatalf("the origin is to be asked although the call forbids it: %+v", s)
		}
		if s.failure && (d.Verdict == cachepolicy.Miss || d.Verdict == cachepolicy.Validate) {
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
		tight.lifetime, tight.window = less("less lifetime", loose.lifetime, 0), less("less window", loose.window, 0)
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
