package cachepolicy_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/cachepolicy"
)

const (
	untried = cachepolicy.OriginUntried
	failed  = cachepolicy.OriginFailed
)

// stored is an entry requested at 100 s.
func stored(lifetime, window, age time.Duration) *cachepolicy.Entry {
	return &cachepolicy.Entry{
		Requested: 100 * time.Second, InitialAge: age,
		Terms: cachepolicy.Terms{Lifetime: lifetime, StaleIfError: window},
	}
}

func TestDecide(t *testing.T) {
	const s = time.Second
	rule := &cachepolicy.Rule{MaxAge: 60 * s, StaleIfError: 30 * s}
	strict := &cachepolicy.Rule{MaxAge: 60 * s}
	wish := func(change func(*cachepolicy.Wish)) cachepolicy.Wish {
		w := cachepolicy.NoWish
		change(&w)
		return w
	}
	maxAge := func(d time.Duration) cachepolicy.Wish {
		return wish(func(w *cachepolicy.Wish) { w.MaxAge = d })
	}
	minFresh := func(d time.Duration) cachepolicy.Wish {
		return wish(func(w *cachepolicy.Wish) { w.MinFresh = d })
	}
	noCache := wish(func(w *cachepolicy.Wish) { w.NoCache = true })
	onlyIfCached := wish(func(w *cachepolicy.Wish) { w.OnlyIfCached = true })
	gone := stored(10*s, 10*s, 0)
	gone.Invalidated = true
	for _, tt := range []struct {
		name    string
		entry   *cachepolicy.Entry
		rule    *cachepolicy.Rule
		wish    cachepolicy.Wish
		after   time.Duration // its request
		origin  cachepolicy.Origin
		verdict cachepolicy.Verdict
		reason  cachepolicy.Reason
		age     time.Duration
		ttl     time.Duration
	}{
		{"nothing stored", nil, rule, cachepolicy.NoWish, 0, untried, cachepolicy.Miss, cachepolicy.ReasonNone, 0, 0},
		{"nothing stored, origin failed", nil, rule, cachepolicy.NoWish, 0, failed, cachepolicy.Error, cachepolicy.ReasonNone, 0, 0},
		{"nothing stored, only if cached", nil, rule, onlyIfCached, 0, untried, cachepolicy.Error, cachepolicy.ReasonNone, 0, 0},
		{"invalidated", gone, rule, cachepolicy.NoWish, 0, untried, cachepolicy.Miss, cachepolicy.ReasonInvalidated, 0, 0},
		{"invalidated, origin failed", gone, rule, cachepolicy.NoWish, 0, failed, cachepolicy.Error, cachepolicy.ReasonInvalidated, 0, 0},
		{"invalidated, only if cached", gone, rule, onlyIfCached, 0, untried, cachepolicy.Error, cachepolicy.ReasonInvalidated, 0, 0},

		{"new", stored(10*s, 0, 0), rule, cachepolicy.NoWish, 0, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 0, 10 * s},
		{"before its request, by a clock that is read out of order", stored(10*s, 0, 0), rule, cachepolicy.NoWish, -5 * s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 0, 10 * s},
		{"just fresh", stored(10*s, 0, 0), rule, cachepolicy.NoWish, 10*s - 1, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 10*s - 1, 1},
		{"just stale: lifetime > age does not hold", stored(2*s, 0, 0), rule, cachepolicy.NoWish, 2 * s, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 2 * s, 0},
		{"a lifetime of zero", stored(0, 0, 0), rule, cachepolicy.NoWish, 0, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 0, 0},
		{"past its lifetime, within the bound", stored(10*s, 0, 0), rule, cachepolicy.NoWish, 11 * s, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 11 * s, -s},
		{"past the bound, whatever it was stored under", stored(3600*s, 0, 0), rule, cachepolicy.NoWish, 61 * s, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 61 * s, -s},
		{"older than it lives on arrival", stored(10*s, 0, 12*s), rule, cachepolicy.NoWish, 0, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 12 * s, -2 * s},
		{"of some age on arrival, fresh", stored(10*s, 0, 6*s), rule, cachepolicy.NoWish, 3 * s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 9 * s, s},
		{"of some age on arrival, stale", stored(10*s, 0, 6*s), rule, cachepolicy.NoWish, 4500 * time.Millisecond, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 10500 * time.Millisecond, -500 * time.Millisecond},
		{"fresh, origin failed", stored(10*s, 0, 0), rule, cachepolicy.NoWish, s, failed, cachepolicy.Hit, cachepolicy.ReasonFresh, s, 9 * s},
		{"stale, only if cached", stored(10*s, 30*s, 0), rule, onlyIfCached, 11 * s, untried, cachepolicy.Error, cachepolicy.ReasonStale, 11 * s, -s},
		{"fresh, only if cached", stored(10*s, 0, 0), rule, onlyIfCached, s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, s, 9 * s},

		{"stale, window not asked for", stored(10*s, 30*s, 0), rule, cachepolicy.NoWish, 11 * s, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 11 * s, -s},
		{"stale, window open", stored(10*s, 30*s, 0), rule, cachepolicy.NoWish, 10 * s, failed, cachepolicy.Stale, cachepolicy.ReasonGranted, 10 * s, 0},
		{"stale, window's last moment", stored(10*s, 4*s, 0), rule, cachepolicy.NoWish, 14*s - 1, failed, cachepolicy.Stale, cachepolicy.ReasonGranted, 14*s - 1, -4*s + 1},
		{"stale, window closed", stored(10*s, 4*s, 0), rule, cachepolicy.NoWish, 14 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 14 * s, -4 * s},
		{"the reply's window is longer than the rule's", stored(10*s, 86400*s, 0), rule, cachepolicy.NoWish, 41 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 41 * s, -31 * s},
		{"the rule has no window", stored(10*s, 30*s, 0), strict, cachepolicy.NoWish, 10 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 10 * s, 0},
		{"the window counts from the bound that was kept", stored(3600*s, 30*s, 0), rule, cachepolicy.NoWish, 89 * s, failed, cachepolicy.Stale, cachepolicy.ReasonGranted, 89 * s, -29 * s},
		{"and ends with it", stored(3600*s, 30*s, 0), rule, cachepolicy.NoWish, 90 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 90 * s, -30 * s},
		{"a lifetime of zero with a window", stored(0, 30*s, 0), rule, cachepolicy.NoWish, s, failed, cachepolicy.Stale, cachepolicy.ReasonGranted, s, -s},

		{"max-age, met", stored(10*s, 0, 0), rule, maxAge(2 * s), 2 * s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 2 * s, 8 * s},
		{"max-age, passed", stored(10*s, 0, 0), rule, maxAge(s), 2 * s, untried, cachepolicy.Validate, cachepolicy.ReasonWish, 2 * s, 8 * s},
		{"max-age, passed on arrival", stored(60*s, 0, 50*s), rule, maxAge(40 * s), 0, untried, cachepolicy.Validate, cachepolicy.ReasonWish, 50 * s, 10 * s},
		{"max-age=0 accepts nothing stored", stored(10*s, 0, 0), rule, maxAge(0), 0, untried, cachepolicy.Validate, cachepolicy.ReasonWish, 0, 10 * s},
		{"max-age relaxes nothing", stored(3600*s, 0, 0), rule, maxAge(31536000 * s), 61 * s, untried, cachepolicy.Validate, cachepolicy.ReasonStale, 61 * s, -s},
		{"max-age, stale, origin failed", stored(10*s, 30*s, 0), rule, maxAge(20 * s), 11 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 11 * s, -s},
		{"max-age passed, origin failed", stored(10*s, 30*s, 0), rule, maxAge(s), 2 * s, failed, cachepolicy.Error, cachepolicy.ReasonWish, 2 * s, 8 * s},
		{"max-age passed, only if cached", stored(10*s, 0, 0), rule, wish(func(w *cachepolicy.Wish) { w.MaxAge, w.OnlyIfCached = s, true }), 2 * s, untried, cachepolicy.Error, cachepolicy.ReasonWish, 2 * s, 8 * s},
		{"min-fresh, met", stored(10*s, 0, 0), rule, minFresh(8 * s), 2 * s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 2 * s, 8 * s},
		{"min-fresh, not met", stored(15*s, 0, 0), rule, minFresh(20 * s), 0, untried, cachepolicy.Validate, cachepolicy.ReasonWish, 0, 15 * s},
		{"min-fresh counts from the bound", stored(3600*s, 0, 0), rule, minFresh(60 * s), s, untried, cachepolicy.Validate, cachepolicy.ReasonWish, s, 59 * s},
		{"min-fresh, not met with its age", stored(15*s, 0, 10*s), rule, minFresh(10 * s), 0, untried, cachepolicy.Validate, cachepolicy.ReasonWish, 10 * s, 5 * s},
		{"min-fresh=0 is met by what is fresh", stored(10*s, 0, 0), rule, minFresh(0), 9 * s, untried, cachepolicy.Hit, cachepolicy.ReasonFresh, 9 * s, s},
		{"min-fresh=0 wants nothing stale", stored(10*s, 30*s, 0), rule, minFresh(0), 10 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 10 * s, 0},
		{"no-cache", stored(10*s, 30*s, 0), rule, noCache, s, untried, cachepolicy.Validate, cachepolicy.ReasonWish, s, 9 * s},
		{"no-cache, origin failed", stored(10*s, 30*s, 0), rule, noCache, s, failed, cachepolicy.Error, cachepolicy.ReasonWish, s, 9 * s},
		{"no-cache, stale, origin failed", stored(10*s, 30*s, 0), rule, noCache, 11 * s, failed, cachepolicy.Error, cachepolicy.ReasonStale, 11 * s, -s},
		{"no-cache and only if cached", stored(10*s, 30*s, 0), rule, wish(func(w *cachepolicy.Wish) { w.NoCache, w.OnlyIfCached = true, true }), s, untried, cachepolicy.Error, cachepolicy.ReasonWish, s, 9 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := cachepolicy.Decide(tt.entry, tt.rule, tt.wish, 100*s+tt.after, tt.origin)
			want := cachepolicy.Decision{Verdict: tt.verdict, Reason: tt.reason, Age: tt.age, TTL: tt.ttl}
			diff(t, "decision", got, want)
		})
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	e, r := stored(time.Minute, time.Minute, 0), &cachepolicy.Rule{MaxAge: time.Minute, StaleIfError: time.Minute}
	if n := testing.AllocsPerRun(100, func() {
		cachepolicy.Decide(e, r, cachepolicy.NoWish, 130*time.Second, untried)
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// TestDecideFarFromZero: the longest lifetimes that Admit and the rule's limits
// allow do not overflow into a reuse.
func TestDecideFarFromZero(t *testing.T) {
	const longest = (1 << 31) * time.Second
	r := &cachepolicy.Rule{MaxAge: longest, StaleIfError: longest}
	e := &cachepolicy.Entry{InitialAge: longest, Terms: cachepolicy.Terms{Lifetime: longest, StaleIfError: longest}}
	for _, o := range []cachepolicy.Origin{untried, failed} {
		for _, now := range []time.Duration{longest, longest + time.Hour} {
			if d := cachepolicy.Decide(e, r, cachepolicy.NoWish, now, o); d.Verdict == cachepolicy.Hit || d.Verdict == cachepolicy.Stale {
				t.Errorf("age %v: got verdict %v, want no reuse", d.Age, d.Verdict)
			}
		}
	}
	if d := cachepolicy.Decide(e, r, cachepolicy.NoWish, longest-1, failed); d.Verdict != cachepolicy.Stale {
		t.Errorf("in the last moment of the longest window: got verdict %v, want Stale", d.Verdict)
	}
}
