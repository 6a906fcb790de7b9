package subject

import (
	"time"

	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// LifetimeOf returns the lifetime that a rule means to a cache which has one for
// each method and does not ask the server: the default for replies that say
// nothing, or, where that is none, the bound.
func LifetimeOf(r *freshetv1.CacheRule) time.Duration {
	if d := r.GetDefaultMaxAge().AsDuration(); d > 0 {
		return d
	}
	return r.GetMaxAge().AsDuration()
}
