package origin

import (
	"context"
	"fmt"

	"google.golang.org/grpc/metadata"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// SetVersion says the reply's version, from 1 to 10^15-1 (a structured-field
// Integer, RFC 9651 section 3.3.1; nanoseconds since 1970 do not fit): a counter
// of this server's data that grows with each change of what the reply shows,
// and is the same on every replica, such as a commit's sequence number. It is
// the reply's version in each of its groups, but for those with [GroupVersion]
// and those of downstream servers. The last call counts.
//
// Caches that have heard of a later version, by [InvalidateVersion], know by it
// that this replica lags, and do not keep the reply. A reply below the version
// that its caller asks for is sent all the same, whole and as no-store; see
// [MinVersion] for what a handler may do better.
//
// The error says that v is out of bounds, or that ctx belongs to no call or to
// one that has ended. Handlers may call it from several goroutines.
func SetVersion(ctx context.Context, v uint64) error {
	if err := checkVersion("SetVersion", v); err != nil {
		return err
	}
	return within(ctx, func(c *call) error {
		c.version = v
		return nil
	})
}

func checkVersion(of string, v uint64) error {
	if v == 0 || v > wire.MaxVersion {
		return fmt.Errorf("origin: %s: a version must be from 1 to %d, got %d", of, uint64(wire.MaxVersion), v)
	}
	return nil
}

// MinVersion returns the least version that the caller asks for
// (cache-min-version); false: it asks for none, or ctx is not of a call. A
// handler that reads from a replica can wait until that has come so far, or read
// from the primary. It need not: a reply below it is known to lag by its
// [SetVersion], and the client, not the server, decides whether an old answer is
// better than none. A version that cannot be read is none; of several the
// greatest counts. No Origin is needed.
func MinVersion(ctx context.Context) (uint64, bool) {
	least := uint64(0)
	for _, text := range metadata.ValueFromIncomingContext(ctx, wire.KeyCacheMinVersion) {
		if v, err := wire.ParseVersion([]string{text}); err == nil {
			least = max(least, v)
		}
	}
	return least, least > 0
}

// lags reports whether the reply's version is below what the caller asks for.
func (c *call) lags(ctx context.Context) bool {
	if c.version == 0 {
		return false
	}
	least, _ := MinVersion(ctx)
	return c.version < least
}
