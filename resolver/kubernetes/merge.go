package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/target"
	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	ipv4 = iota
	ipv6
	fqdn
	families
)

// member is one server, gathered from all slices that list it.
type member struct {
	addresses [families][]string
	standing  standing
	zone      string
	hints     []string
}

// merger makes one list of all slices of a Service.
type merger struct {
	target  Target
	byKey   map[string]*member
	members []*member // in the order of slices by name, and within them
	listed  int       // endpoints in all slices, ready or not
	faults  target.Faults
}

// merge returns what the slices say together.
func merge(t Target, bySlice map[string]*slice) watch.Answer {
	m := merger{target: t, byKey: map[string]*member{}}
	for _, name := range slices.Sorted(maps.Keys(bySlice)) {
		m.slice(bySlice[name])
	}
	a := watch.Answer{Endpoints: m.endpoints(), Skipped: m.faults.Err("slices")}
	switch {
	case len(bySlice) == 0:
		a.Why = fmt.Sprintf("no EndpointSlice has the label %s=%s; is there such a Service?", serviceLabel, t.Service)
	case len(a.Endpoints) == 0 && a.Skipped != nil:
		a.Why = a.Skipped.Error()
	case len(a.Endpoints) == 0:
		a.Why = fmt.Sprintf("slices: %d, endpoints in them: %d, none is ready or still serving", len(bySlice), m.listed)
	}
	return a
}

func (m *merger) slice(s *slice) {
	m.listed += len(s.Endpoints)
	family := slices.Index([]string{"IPv4", "IPv6", "FQDN"}, s.AddressType)
	if family < 0 {
		m.faults.Addf("%s: addressType must be IPv4, IPv6 or FQDN, got %s", s.Metadata.Name, target.Quote(s.AddressType))
		return
	}
	if len(s.Endpoints) == 0 {
		return // a slice that only holds the place has no ports either
	}
	port, err := s.portOf(m.target.Port)
	if err != nil {
		m.faults.Addf("%s: %w", s.Metadata.Name, err)
		return
	}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if e.Conditions.standing() == away {
			continue
		}
		if err := m.add(e, family, port); err != nil {
			m.faults.Addf("%s: endpoints[%d]: %w", s.Metadata.Name, i, err)
		}
	}
}

// add adds an endpoint of a slice to the server that it is. Slices may overlap
// while an endpoint moves from one to another: then the better word counts.
func (m *merger) add(e *sliceEndpoint, family int, port string) error {
	if len(e.Addresses) == 0 {
		return errors.New("has no address")
	}
	// "No semantics are defined for additional addresses beyond the first"
	// (Endpoint, discovery.k8s.io/v1).
	address, err := addressOf(e.Addresses[0], family, port)
	if err != nil {
		return fmt.Errorf("%s: %w", target.Quote(e.Addresses[0]), err)
	}
	key := e.key()
	known := m.byKey[key]
	if known == nil {
		known = &member{}
		m.byKey[key] = known
		m.members = append(m.members, known)
	}
	if !slices.Contains(known.addresses[family], address) {
		known.addresses[family] = append(known.addresses[family], address)
	}
	known.standing = max(known.standing, e.Conditions.standing())
	if known.zone == "" {
		known.zone = e.Zone
	}
	if e.Hints != nil && known.hints == nil {
		for _, z := range e.Hints.ForZones {
			known.hints = append(known.hints, z.Name)
		}
	}
	return nil
}

func addressOf(host string, family int, port string) (string, error) {
	ip, err := netip.ParseAddr(host)
	switch {
	case family == ipv4 && (err != nil || !ip.Is4()):
		return "", errors.New("is no IPv4 address")
	case family == ipv6 && (err != nil || !ip.Is6() || ip.Is4In6()):
		return "", errors.New("is no IPv6 address")
	case family == fqdn && err == nil:
		return "", errors.New("is no name")
	}
	if family == ipv6 {
		host = "[" + host + "]"
	}
	return target.Address(host + ":" + port)
}

// endpoints returns the servers that are ready, or those that are leaving if no
// one is or the target wants them too.
func (m *merger) endpoints() []resolver.Endpoint {
	ready := slices.ContainsFunc(m.members, func(b *member) bool { return b.standing == standsBy })
	var used []*member
	for _, want := range []standing{standsBy, leaving} { // an address that two have goes to the ready one
		if want == leaving && ready && !m.target.MarkTerminating {
			continue
		}
		for _, b := range m.members {
			if b.standing == want {
				used = append(used, b)
			}
		}
	}
	hinted := m.hinted(used)
	list := make([]resolver.Endpoint, 0, len(used))
	for _, b := range used {
		var e resolver.Endpoint
		for _, addresses := range b.addresses {
			for _, a := range addresses {
				e.Addresses = append(e.Addresses, resolver.Address{Addr: a})
			}
		}
		info := endpoint.Info{Zone: b.zone, Draining: b.standing == leaving}
		if hinted && !slices.Contains(b.hints, m.target.Zone) {
			info.Priority = 1
		}
		list = append(list, endpoint.Set(e, info))
	}
	return list
}

// hinted reports whether hints are to be heeded: as kube-proxy has it, only if
// every endpoint has one and at least one is for the client's zone.
func (m *merger) hinted(used []*member) bool {
	if m.target.Zone == "" {
		return false
	}
	return !slices.ContainsFunc(used, func(b *member) bool { return len(b.hints) == 0 }) &&
		slices.ContainsFunc(used, func(b *member) bool { return slices.Contains(b.hints, m.target.Zone) })
}
