package cachepolicy

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/freshet-io/freshet/cachepolicy/wire"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

const (
	// maxDuration is RFC 9111's largest delta-seconds (section 1.2.2).
	maxDuration = (1 << 31) * time.Second

	// What LATENCY sets.
	latencyStaleIfErrors = 10 // times max_age
	latencyEagerRefresh  = 0.8
)

// lifetimes compiles all that says for how long a reply may be used.
func (s source) lifetimes(r *Rule, c *freshetv1.CacheRule) {
	bounded := false // max_age is sound, so that others can be compared with it
	if c.GetMaxAge() != nil {
		r.MaxAge, bounded = s.duration("cache.max_age", c.GetMaxAge())
		if bounded && r.MaxAge == 0 {
			s.fault("cache.max_age", "must be greater than 0s, got 0s: leave the rule out to cache nothing")
		}
	} else if !s.unread("cache.max_age") {
		s.fault("cache.max_age", "missing: every rule bounds the age of what it reuses")
	}
	atMost := func(field string, d time.Duration) {
		if bounded && r.MaxAge > 0 && d > r.MaxAge {
			s.fault(field, "must be at most max_age (%v), got %v", r.MaxAge, d)
		}
	}
	s.prefer(r, c)
	r.DefaultMaxAge = r.MaxAge
	if d := c.GetDefaultMaxAge(); d != nil {
		r.DefaultMaxAge, _ = s.duration("cache.default_max_age", d)
		atMost("cache.default_max_age", r.DefaultMaxAge)
	}
	if d := c.GetUnsyncedMaxAge(); d != nil {
		bound, _ := s.duration("cache.unsynced_max_age", d)
		r.UnsyncedMaxAge = wire.Some(bound)
		atMost("cache.unsynced_max_age", bound)
	}
	for _, w := range []struct {
		field string
		said  *durationpb.Duration
		to    *time.Duration
	}{
		{"cache.stale_while_revalidate", c.GetStaleWhileRevalidate(), &r.StaleWhileRevalidate},
		{"cache.stale_if_error", c.GetStaleIfError(), &r.StaleIfError},
		{"cache.stale_if_overloaded", c.GetStaleIfOverloaded(), &r.StaleIfOverloaded},
	} {
		if w.said == nil {
			continue
		}
		*w.to, _ = s.duration(w.field, w.said)
		if bounded && r.MaxAge == 0 && *w.to > 0 {
			s.fault(w.field, "a bound of zero cannot have a stale window, got %v", *w.to)
		}
	}
	s.around(r, c)
}

// prefer sets what the rule wants most, for the rule's own fields to replace.
func (s source) prefer(r *Rule, c *freshetv1.CacheRule) {
	switch c.GetPrefer() {
	case freshetv1.CacheRule_PREFER_UNSPECIFIED:
	case freshetv1.CacheRule_LATENCY:
		r.StaleWhileRevalidate = r.MaxAge
		r.StaleIfError = min(latencyStaleIfErrors*r.MaxAge, maxDuration)
		r.EagerRefresh = latencyEagerRefresh
	case freshetv1.CacheRule_FRESHNESS:
		r.StaleIfError = r.MaxAge
	case freshetv1.CacheRule_CONSISTENCY:
		r.UnsyncedMaxAge = wire.Some(time.Duration(0))
	default:
		s.fault("cache.prefer", "want LATENCY, FRESHNESS or CONSISTENCY, got %d", c.GetPrefer())
	}
}

// around compiles what goes with the lifetime and its windows.
func (s source) around(r *Rule, c *freshetv1.CacheRule) {
	r.HoldOff, _ = s.duration("cache.hold_off", c.GetHoldOff())
	r.SoftTimeout, _ = s.duration("cache.soft_timeout", c.GetSoftTimeout())
	if r.SoftTimeout > 0 && r.StaleIfError == 0 && !s.unread("cache.stale_if_error") {
		s.fault("cache.soft_timeout", "needs stale_if_error, which grants the reply that is served then, got %v without it", r.SoftTimeout)
	}
	if c.EagerRefresh != nil {
		r.EagerRefresh = s.fraction("cache.eager_refresh", c.GetEagerRefresh())
	}
	if c.Jitter != nil {
		r.Jitter = s.fraction("cache.jitter", c.GetJitter())
	}
}

// fraction checks a number in [0, 1).
func (s source) fraction(field string, f float32) float64 {
	if !(f >= 0 && f < 1) { // NaN is neither
		s.fault(field, "must be at least 0 and less than 1, got %v", f)
		return 0
	}
	return float64(f)
}

// duration checks a duration, of which an absent one is zero, and reports
// whether it is sound.
func (s source) duration(field string, d *durationpb.Duration) (time.Duration, bool) {
	if d == nil {
		return 0, true
	}
	if err := d.CheckValid(); err != nil || d.AsDuration() < 0 || d.AsDuration() > maxDuration {
		s.fault(field, "must be between 0s and %ds, got %ds %dns", maxDuration/time.Second, d.GetSeconds(), d.GetNanos())
		return 0, false
	}
	return d.AsDuration(), true
}
