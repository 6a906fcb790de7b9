// Package list brings the states of resolvers into one form, so that two that
// say the same are the same.
//
//	s = list.Normal(s)
//	if list.Same(s, last) {
//		return nil
//	}
//	last = s
//	return cc.UpdateState(s)
//
// In that form the endpoints are sorted by their addresses and each is there
// once, where an endpoint is its set of addresses, as in gRFC A61 and
// [resolver.EndpointMap]; of two with equal addresses the first counts, with
// its attributes. The order of the addresses within an endpoint is a preference
// and stays. An endpoint without addresses is none. State.Addresses has all
// addresses in the same order, for policies that read only that.
//
// Nothing here changes what it is given, and everything may be called
// concurrently.
package list

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/grpc/resolver"
)

// Endpoints returns the endpoints of s as gRPC reads them: where only Addresses
// is set, each address is an endpoint, and its BalancerAttributes are the
// endpoint's attributes.
func Endpoints(s resolver.State) []resolver.Endpoint {
	if s.Endpoints != nil {
		return s.Endpoints
	}
	endpoints := make([]resolver.Endpoint, len(s.Addresses))
	for i, a := range s.Addresses {
		attributes := a.BalancerAttributes //nolint:staticcheck // what a resolver of Addresses has
		a.BalancerAttributes = nil         //nolint:staticcheck // as gRPC does
		endpoints[i] = resolver.Endpoint{Addresses: []resolver.Address{a}, Attributes: attributes}
	}
	return endpoints
}

// Empty reports whether s has no address, and nothing else by which a policy
// might find endpoints: gRPC's xds and grpclb resolvers give attributes and no
// addresses.
func Empty(s resolver.State) bool {
	return s.Attributes == nil &&
		!slices.ContainsFunc(Endpoints(s), func(e resolver.Endpoint) bool { return len(e.Addresses) > 0 })
}

// Normal returns s in the form that the package describes.
func Normal(s resolver.State) resolver.State {
	return With(s, Endpoints(s))
}

// With returns s in the same form with other endpoints.
func With(s resolver.State, endpoints []resolver.Endpoint) resolver.State {
	onlyAddresses := s.Endpoints == nil
	s.Endpoints = Unique(endpoints)
	slices.SortStableFunc(s.Endpoints, func(a, b resolver.Endpoint) int {
		return slices.CompareFunc(a.Addresses, b.Addresses, func(a, b resolver.Address) int {
			return cmp.Compare(a.Addr, b.Addr)
		})
	})
	s.Addresses = make([]resolver.Address, 0, len(s.Endpoints))
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			if onlyAddresses {
				a.BalancerAttributes = e.Attributes //nolint:staticcheck // a policy of old looks there
			}
			s.Addresses = append(s.Addresses, a)
		}
	}
	return s
}

// Unique returns the endpoints that have addresses, each once, in the order of
// their first occurrence.
func Unique(endpoints []resolver.Endpoint) []resolver.Endpoint {
	unique := make([]resolver.Endpoint, 0, len(endpoints))
	seen := make(map[string]struct{}, len(endpoints))
	for _, e := range endpoints {
		key := Key(e)
		if _, known := seen[key]; known || len(e.Addresses) == 0 {
			continue
		}
		seen[key] = struct{}{}
		unique = append(unique, e)
	}
	return unique
}

// Key returns a string that two endpoints have in common exactly if they have
// the same set of addresses.
func Key(e resolver.Endpoint) string {
	if len(e.Addresses) == 1 {
		return e.Addresses[0].Addr
	}
	addresses := make([]string, len(e.Addresses))
	for i, a := range e.Addresses {
		addresses[i] = a.Addr
	}
	slices.Sort(addresses)
	return strings.Join(slices.Compact(addresses), "\x00")
}
