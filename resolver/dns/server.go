package dns

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

// record is what is known of a name before its addresses are.
type record struct {
	target string
	port   string
	tier   int
	weight uint32 // 0 for none
}

// server is one endpoint.
type server struct {
	addresses []netip.Addr
	port      string
	tier      int
	weight    uint32
}

// arrange returns what SRV records say, in an order that does not depend on
// theirs.
func arrange(answers []*net.SRV) []record {
	answers = slices.DeleteFunc(slices.Clone(answers), func(s *net.SRV) bool {
		// "A Target of "." means that the service is decidedly not available
		// at this domain." (RFC 2782)
		return s.Target == "." || s.Target == "" || s.Port == 0
	})
	slices.SortFunc(answers, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Weight, a.Weight),
			cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
	records := make([]record, 0, len(answers))
	for tier := 0; len(answers) > 0; tier++ {
		n := 1
		for n < len(answers) && answers[n].Priority == answers[0].Priority {
			n++
		}
		equal := answers[0].Weight == answers[n-1].Weight
		for _, s := range answers[:n] {
			r := record{target: s.Target, port: strconv.Itoa(int(s.Port)), tier: tier}
			if !equal {
				r.weight = uint32(max(s.Weight, 1))
			}
			records = append(records, r)
		}
		answers = answers[n:]
	}
	return records
}

// servers returns the endpoints behind a record's name.
func (r record) servers(v4, v6 []netip.Addr, oneHost bool) []server {
	all := slices.Concat(v6, v4)
	if oneHost && len(v4) <= 1 && len(v6) <= 1 && len(all) > 0 {
		return []server{{all, r.port, r.tier, r.weight}}
	}
	servers := make([]server, len(all))
	for i, a := range all {
		servers[i] = server{[]netip.Addr{a}, r.port, r.tier, r.weight}
	}
	return servers
}

// endpoints returns the servers as gRPC wants them.
func endpoints(servers []server) []resolver.Endpoint {
	list := make([]resolver.Endpoint, len(servers))
	for i, s := range servers {
		for _, a := range s.addresses {
			list[i].Addresses = append(list[i].Addresses, resolver.Address{Addr: net.JoinHostPort(a.String(), s.port)})
		}
		list[i] = endpoint.SetPriority(list[i], s.tier)
		if s.weight > 0 {
			list[i] = weight.Set(list[i], weight.EndpointInfo{Weight: s.weight})
		}
	}
	return list
}
