package dns_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// followAs is follow with a name service made of z.
func (z *zone) followAs(t *testing.T, names dns.NameService) *resolvertest.Channel {
	t.Helper()
	logged.Drain("")
	b := dns.NewBuilderOf(func(string) dns.NameService { return names }, func() float64 { return 0 })
	cc := resolvertest.NewChannel(t)
	resolvertest.Build(t, b, srvTarget, cc)
	resolvertest.Advance(time.Second)
	synctest.Wait()
	return cc
}

// malformed gives some records and an error, as net.Resolver does.
type malformed struct{ *zone }

func (malformed) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", []*net.SRV{{Target: "a.", Port: 1}}, errMalformed
}

// crowd counts how many queries are under way, each for a millisecond.
type crowd struct {
	*zone

	mu        sync.Mutex
	now, most int
}

func (c *crowd) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	<-time.After(time.Millisecond)
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
	return c.zone.LookupNetIP(ctx, network, host)
}
