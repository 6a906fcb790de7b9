package cache

import (
	"time"

	"github.com/freshet-io/freshet/cachepolicy"
)

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
