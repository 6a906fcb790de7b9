package dns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

var (
	errTimeout = &net.DNSError{Err: "i/o timeout", IsTimeout: true, IsTemporary: true}
	errHang    = errors.New("answers when the lookup is given up")
)

// zone is a name service in memory. What it does not know does not exist.
type zone struct {
	server string // that it was asked for

	mu      sync.Mutex
	records map[string]any // "A name", "AAAA name": addresses by spaces; "SRV name": []*net.SRV; or an error
	asked   []string
	times   []time.Time // of the queries that begin a lookup
	first   string      // the query that begins a lookup
}

func newZone(first string) *zone { return &zone{first: first, records: map[string]any{}} }

func (z *zone) set(query string, answer any) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[query] = answer
}

func (z *zone) remove(query string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.records, query)
}

func (z *zone) ask(ctx context.Context, query string) (any, error) {
	z.mu.Lock()
	z.asked = append(z.asked, query)
	if query == z.first {
		z.times = append(z.times, time.Now())
	}
	answer, known := z.records[query]
	z.mu.Unlock()
	err, failed := answer.(error)
	switch {
	case !known:
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	case failed && errors.Is(err, errHang):
		<-ctx.Done()
		return nil, ctx.Err()
	case failed:
		return nil, err
	}
	return answer, nil
}

func (z *zone) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	query := "A " + host
	if network == "ip6" {
		query = "AAAA " + host
	}
	answer, err := z.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for a := range strings.FieldsSeq(answer.(string)) {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	return addresses, nil
}

func (z *zone) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	answer, err := z.ask(ctx, strings.Trim("SRV "+service+proto+name, "."))
	if err != nil {
		return "", nil, err
	}
	return name, answer.([]*net.SRV), nil
}

// lookups returns how many lookups have begun since the last call, and what was
// asked, sorted.
func (z *zone) lookups() (n int, asked []string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	n, asked = len(z.times), z.asked
	z.times, z.asked = nil, nil
	slices.Sort(asked)
	return n, asked
}

// gaps returns the times between lookups.
func (z *zone) gaps() (gaps []time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for i := range len(z.times) - 1 {
		gaps = append(gaps, z.times[i+1].Sub(z.times[i]))
	}
	return gaps
}

// follow starts a resolver in the bubble of the test, without jitter unless
// random says otherwise, and lets it look up.
func (z *zone) follow(t *testing.T, target string, random float64) (resolver.Resolver, *resolvertest.Channel) {
	t.Helper()
	logged.Drain("")
	b := dns.NewBuilderOf(func(server string) dns.NameService {
		z.server = server
		return z
	}, func() float64 { return random })
	cc := resolvertest.NewChannel(t)
	r := resolvertest.Build(t, b, target, cc)
	synctest.Wait()
	return r, cc
}
