package wire_test

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sec is n seconds, present.
func sec(n int64) wire.Seconds { return wire.Some(time.Duration(n) * time.Second) }

// atMost says that a is at most b, an absent lifetime being without bound.
func atMost(a, b wire.Seconds) bool {
	limit, bounded := b.Get()
	v, ok := a.Get()
	return !bounded || ok && v <= limit
}

// shared is the lifetime in a shared cache.
func shared(r wire.Response) wire.Seconds {
	if _, ok := r.SMaxAge.Get(); ok {
		return r.SMaxAge
	}
	return r.MaxAge
}

// looserThan names what a permits and b does not, "" for nothing.
func looserThan(a, b wire.Response) string {
	switch {
	case a.NoStore: // nothing is permitted
		return ""
	case b.NoStore:
		return "no-store"
	case !atMost(a.MaxAge, b.MaxAge):
		return "max-age"
	case !atMost(shared(a), shared(b)):
		return "s-maxage"
	case !atMost(a.StaleIfError, b.StaleIfError):
		return "stale-if-error"
	case b.NoCache && !a.NoCache:
		return "no-cache"
	case b.Private && !a.Private:
		return "private"
	case b.MustRevalidate && !a.MustRevalidate:
		return "must-revalidate"
	case b.ProxyRevalidate && !a.ProxyRevalidate:
		return "proxy-revalidate"
	}
	for _, f := range b.NoCacheFields {
		if !a.NoCache && !contains(a.NoCacheFields, f) {
			return "no-cache=" + f
		}
	}
	return ""
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}
