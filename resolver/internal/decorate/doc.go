// Package decorate has what resolvers have in common that stand between a
// channel and other resolvers.
//
//	return decorate.Wrap(inner, scheme, func(cc resolver.ClientConn) decorate.Filter {
//		return &filter{out: decorate.NewOutlet(cc)}
//	})
//
// [Wrap] is for a decorator of one builder: it keeps scheme and authority, and
// gives what the inner resolver says to a [Filter]. [Source] is for one of
// several. Both hand states on through an [Outlet], which hands on none
// twice.
//
// # Locks
//
// A filter serialises what it is told by a mutex of its own, under which it
// speaks to the channel. gRPC calls ResolveNow and Close from elsewhere; these
// go to the inner resolvers without that mutex, because Close waits for inner
// goroutines that may be waiting for it. After Close a filter says nothing.
package decorate
