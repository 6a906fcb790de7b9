package origin

import (
	"context"
	"errors"
	"fmt"
)

// SetCacheControl says how the reply may be reused, in the directives of
// cache-control (RFC 9111 section 5.2.2): "max-age=30", "no-store", "private".
// It takes the place of what the method's rule says; a call for a method without
// a rule, or one that fails, says it too. The last call counts; "" takes it
// back. Clients hear a lifetime that shortens their rule's, never one that
// lengthens it past max_age.
//
// A lifetime that the reply owes to a downstream reply still shortens it. The
// same key set by grpc.SetHeader or grpc.SetTrailer is sent beside it, and
// readers heed the more restrictive of the two. (An rpc-cache-control set so
// replaces both for freshet's caches, and with them every limit that the reply
// owes to others.)
//
// The error names every directive that is malformed or not in IANA's registry,
// or says that ctx belongs to no call or to one that has ended. Handlers may
// call it from several goroutines.
func SetCacheControl(ctx context.Context, directives string) error {
	d, err := parseDirectives(directives)
	if err != nil {
		return err
	}
	return within(ctx, func(c *call) error {
		c.said = d
		return nil
	})
}

// Groups adds groups (RFC 9875 section 2) to those that the reply belongs to. It
// is sent with a reply whose status is OK.
//
// The error says that the handler has named more than 128 groups, one of more
// than 256 bytes, or more than 6 KiB in all, and nothing is then added; or that
// ctx belongs to no call or to one that has ended. Handlers may call it from
// several goroutines.
func Groups(ctx context.Context, groups ...string) error {
	return within(ctx, func(c *call) error {
		named := c.named.clone()
		if named.add(groups); named.err != nil {
			return fmt.Errorf("origin: Groups: %w", named.err)
		}
		c.named = named
		return nil
	})
}

var errSafe = errors.New("origin: Invalidate: a method without side effects invalidates nothing")

// Invalidate says that the call has made groups untrue (RFC 9875 section 3). It
// is sent whatever the call's status: the handler knows. More groups than fit in
// one reply (128, of 256 bytes each, 6 KiB in all) are no error: they stand for
// all groups of this server.
//
// The error says that the method is without side effects, for whose replies
// clients ignore invalidations, or that ctx belongs to no call or to one that
// has ended. Handlers may call it from several goroutines.
func Invalidate(ctx context.Context, groups ...string) error {
	return within(ctx, func(c *call) error {
		if c.method.safe {
			return errSafe
		}
		c.makesUntrue(groups, nil)
		return nil
	})
}
