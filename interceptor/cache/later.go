package cache

import (
	"errors"
	"fmt"
	"time"

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
		r := p.Cache
		if r == nil {
			continue
		}
		refuse("cache.shared_reply", r.SharedReply)
	}
	return errors.Join(faults...)
}

// longestHoldOff is the longest hold-off of any rule.
func longestHoldOff(set *cachepolicy.Set) time.Duration {
	var d time.Duration
	for _, name := range set.Methods() {
		if r := set.Lookup(name).Cache; r != nil {
			d = max(d, r.HoldOff)
		}
	}
	return d
}
