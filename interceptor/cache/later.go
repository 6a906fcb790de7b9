package cache

import (
	"errors"
	"fmt"

	"github.com/freshet-io/freshet/cachepolicy"
)

// refuseLater refuses rules that this version of the cache does not honour. A rule is
// a promise to its author: it is refused rather than kept in part.
func refuseLater(set *cachepolicy.Set) error {
	var faults []error
	for _, name := range set.Methods() {
		p := set.Lookup(name)
		refuse := func(field string, set bool) {
			if set {
				faults = append(faults, fmt.Errorf("cache: %s: %s: not supported by this version of freshet", name, field))
			}
		}
		refuse("invalidates.soft", p.InvalidatesSoftly)
		r := p.Cache
		if r == nil {
			continue
		}
		refuse("cache.stale_while_revalidate", r.StaleWhileRevalidate > 0)
		refuse("cache.stale_if_overloaded", r.StaleIfOverloaded > 0)
		refuse("cache.negative_max_age", r.NegativeMaxAge > 0)
		refuse("cache.hold_off", r.HoldOff > 0)
		refuse("cache.soft_timeout", r.SoftTimeout > 0)
		refuse("cache.eager_refresh", r.EagerRefresh > 0)
		refuse("cache.jitter", r.Jitter > 0)
		refuse("cache.shared_reply", r.SharedReply)
		refuse("cache.batch", r.Batch != nil)
	}
	return errors.Join(faults...)
}
