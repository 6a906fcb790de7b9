package origin

import "context"

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
