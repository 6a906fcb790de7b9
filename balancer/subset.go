package balancer

import (
	"os"
	"slices"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/subset"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

// subsetOf says which endpoints to connect to; nil for all.
func subsetOf(c Config, zone string, endpoints []resolver.Endpoint) func(i int) bool {
	if c.Subset.Size == 0 {
		return nil
	}
	name := c.Subset.Client
	if name == "" {
		// Without a host name, all such clients choose alike: better than anew at
		// each start.
		name, _ = os.Hostname()
	}
	client, ordinal := subset.Identity(name)
	// Of each zone that matters its own: a subset of all may have nothing near.
	type place struct {
		priority int
		home     bool
	}
	ids, byPlace := make([]string, len(endpoints)), make(map[place][]int)
	for i, e := range endpoints {
		ids[i] = identity(e)
		about := endpoint.Get(e)
		p := place{about.Priority, zone != "" && about.Zone == zone}
		byPlace[p] = append(byPlace[p], i)
	}
	chosen := make([]bool, len(endpoints))
	for _, tier := range byPlace {
		those := make([]string, len(tier))
		for k, i := range tier {
			those[k] = ids[i]
		}
		for _, k := range subset.Choose(those, c.Subset.Size, client, ordinal) {
			chosen[tier[k]] = true
		}
	}
	return func(i int) bool { return chosen[i] }
}

// identity is the same for an endpoint in whatever order its addresses come.
func identity(e resolver.Endpoint) string {
	addrs := make([]string, 0, len(e.Addresses))
	for _, a := range e.Addresses {
		addrs = append(addrs, a.Addr)
	}
	if len(addrs) == 0 {
		return ""
	}
	return slices.Min(addrs)
}
