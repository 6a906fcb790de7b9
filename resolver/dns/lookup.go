package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// concurrent bounds the queries that are under way at a time.
const concurrent = 16

// question is one query: the network "ip4", "ip6" or "srv", and the name.
type question struct{ network, name string }

// memory holds the last good answer to each query of the last lookup.
type memory struct {
	addresses map[question][]netip.Addr
	records   []record // of the one SRV query, nil if there was none
}

// answer is what a lookup comes to: servers, or none and no error, which is an
// empty answer, or an error. There may be both, where some queries failed.
type answer struct {
	servers []server
	err     error
}

// lookup is one round of queries.
type lookup struct {
	names nameService
	old   memory // read only

	mu     sync.Mutex
	memory memory
	faults target.Faults
}

func (l *lookup) ask(ctx context.Context, t Target) answer {
	records := []record{{target: t.Host, port: t.Port}}
	if t.SRV {
		records = l.services(ctx, t.Host)
	}
	l.resolve(ctx, records)
	servers := make([]server, 0, len(records))
	for _, r := range records {
		v4, v6 := l.memory.addresses[question{"ip4", r.target}], l.memory.addresses[question{"ip6", r.target}]
		servers = append(servers, r.servers(v4, v6, t.SRV)...)
	}
	return answer{servers: servers, err: l.faults.Err(t.Host)}
}

// services asks for the SRV records of a name.
func (l *lookup) services(ctx context.Context, name string) []record {
	_, answers, err := l.names.LookupSRV(ctx, "", "", name)
	switch {
	case err == nil, isNotFound(err):
		l.memory.records = arrange(answers)
	case len(answers) > 0: // those whose names are well-formed
		l.faults.Addf("SRV: %w", err)
		l.memory.records = arrange(answers)
	default:
		l.faults.Addf("SRV: %w", err)
		l.memory.records = l.old.records
	}
	return l.memory.records
}

// resolve asks for the addresses of all targets, each once.
func (l *lookup) resolve(ctx context.Context, records []record) {
	l.memory.addresses = make(map[question][]netip.Addr, 2*len(records))
	var (
		wg   sync.WaitGroup
		free = make(chan struct{}, concurrent)
		seen = make(map[string]struct{}, len(records))
	)
	for _, r := range records {
		if _, ok := seen[r.target]; ok {
			continue
		}
		seen[r.target] = struct{}{}
		if ip, err := netip.ParseAddr(strings.TrimSuffix(r.target, ".")); err == nil {
			l.learn(question{"ip4", r.target}, []netip.Addr{ip}) // in whatever family
			continue
		}
		for _, network := range [...]string{"ip4", "ip6"} {
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				l.query(ctx, question{network, r.target})
			})
		}
	}
	wg.Wait()
}

// query asks one question. A name or a record type that does not exist is an
// answer; after any other failure the last answer to the same question counts.
func (l *lookup) query(ctx context.Context, q question) {
	addresses, err := l.names.LookupNetIP(ctx, q.network, q.name)
	if err != nil && !isNotFound(err) {
		l.mu.Lock()
		l.faults.Addf("%w", reason(q, err))
		l.mu.Unlock()
		addresses = l.old.addresses[q]
	}
	unmapped := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		unmapped[i] = a.Unmap()
	}
	slices.SortFunc(unmapped, netip.Addr.Compare)
	l.learn(q, slices.Compact(unmapped))
}

func (l *lookup) learn(q question, addresses []netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memory.addresses[q] = addresses
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

func reason(q question, err error) error {
	record := "A"
	if q.network == "ip6" {
		record = "AAAA"
	}
	return fmt.Errorf("%s: %w", record, err)
}
