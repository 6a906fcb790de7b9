package watch

import (
	"slices"
	"strings"

	"google.golang.org/grpc/resolver"
)

// sorted returns the endpoints by their addresses, without repeated ones.
// Endpoints with equal addresses keep their order.
func sorted(list []resolver.Endpoint) []resolver.Endpoint {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b resolver.Endpoint) int {
		return slices.CompareFunc(a.Addresses, b.Addresses, func(a, b resolver.Address) int {
			return strings.Compare(a.Addr, b.Addr)
		})
	})
	return distinct(list)
}

// distinct returns the endpoints without the addresses that one before them
// has, and without those that then have none: policies take endpoints with
// common addresses for one, or for several that share a connection.
func distinct(list []resolver.Endpoint) []resolver.Endpoint {
	seen := make(map[string]struct{}, len(list))
	kept := make([]resolver.Endpoint, 0, len(list))
	for _, e := range list {
		addresses := make([]resolver.Address, 0, len(e.Addresses))
		for _, a := range e.Addresses {
			if _, ok := seen[a.Addr]; !ok {
				seen[a.Addr] = struct{}{}
				addresses = append(addresses, a)
			}
		}
		if len(addresses) > 0 {
			kept = append(kept, resolver.Endpoint{Addresses: addresses, Attributes: e.Attributes})
		}
	}
	return kept
}

// same reports whether two sorted lists are equal, attributes included.
func same(a, b []resolver.Endpoint) bool {
	return slices.EqualFunc(a, b, func(a, b resolver.Endpoint) bool {
		return slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal) && a.Attributes.Equal(b.Attributes)
	})
}
