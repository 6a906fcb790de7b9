package dns

import (
	"context"
	"net"
	"net/netip"
)

// nameService is what is needed of [net.Resolver].
type nameService interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// names returns the name service that a target names: a server, or "" for the
// system's, as net.DefaultResolver asks it.
func names(server string) nameService {
	if server == "" {
		return &net.Resolver{
			PreferGo:     net.DefaultResolver.PreferGo,
			StrictErrors: net.DefaultResolver.StrictErrors,
			Dial:         interruptible(net.DefaultResolver.Dial),
		}
	}
	var dialer net.Dialer
	return &net.Resolver{
		PreferGo: true,
		Dial: interruptible(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, server)
		}),
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// interruptible returns dial, or the default for nil, with connections that end
// with their contexts. Otherwise a query that nobody waits for any more waits
// for its answer, for up to 5 s. (The connection is not wrapped, because
// [net.Resolver] tells datagrams from streams by its type.)
func interruptible(dial dialFunc) dialFunc {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = c.Close() })
		return c, nil
	}
}
