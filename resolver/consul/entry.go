package consul

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/target"
	"github.com/freshet-io/freshet/resolver/internal/watch"
)

// The parts of an answer of /v1/health/service that are read here.

type entry struct {
	Node struct {
		Address  string
		Meta     map[string]string
		Locality *locality
	}
	Service struct {
		ID       string
		Address  string
		Port     int
		Meta     map[string]string
		Tags     []string
		Weights  *weights
		Locality *locality
	}
	Checks []check
}

type locality struct{ Zone string }

type weights struct{ Passing, Warning int }

type check struct{ CheckID, Status string }

// health is the worst of an instance's checks.
type health int

const (
	passing health = iota
	warning
	critical
)

// health reads the checks. Maintenance is a check that is critical; its name
// counts whatever it says.
func (e *entry) health() health {
	worst := passing
	for _, c := range e.Checks {
		switch {
		case c.CheckID == "_node_maintenance", strings.HasPrefix(c.CheckID, "_service_maintenance"):
			return critical
		case c.Status == "passing":
		case c.Status == "warning":
			worst = max(worst, warning)
		default:
			worst = critical
		}
	}
	return worst
}

// answer returns the endpoints of an answer.
func answer(t Target, entries []entry) watch.Answer {
	var faults target.Faults
	a := watch.Answer{Ordered: t.Near != ""}
	if !a.Ordered {
		// Of instances that are registered twice the first counts, which must
		// be the same whatever order they come in, and the one that is well.
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.health(), b.health()), cmp.Compare(a.Service.ID, b.Service.ID), cmp.Compare(a.Node.Address, b.Node.Address))
		})
	}
	for i := range entries {
		e := &entries[i]
		if h := e.health(); h == critical || h == warning && t.Passing || e.weight() == 0 {
			continue
		}
		made, err := e.endpoint(t)
		if err != nil {
			faults.Addf("instance %s: %w", target.Quote(e.Service.ID), err)
			continue
		}
		a.Endpoints = append(a.Endpoints, made)
	}
	a.Skipped = faults.Err("instances")
	switch {
	case len(a.Endpoints) > 0:
	case a.Skipped != nil:
		a.Why = a.Skipped.Error()
	case t.Passing:
		a.Why = "Consul lists no instance that is passing"
	default:
		a.Why = fmt.Sprintf("Consul lists no instance that is passing or warning, of %d", len(entries))
	}
	return a
}

func (e *entry) endpoint(t Target) (resolver.Endpoint, error) {
	host := e.Service.Address
	if host == "" {
		host = e.Node.Address
	}
	if host == "" {
		return resolver.Endpoint{}, errors.New("neither it nor its node has an address")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + host + "]"
	}
	address, err := target.Address(host + ":" + strconv.Itoa(e.Service.Port))
	if err != nil {
		return resolver.Endpoint{}, fmt.Errorf("address %s: %w", target.Quote(host), err)
	}
	made := resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}}
	made = endpoint.Set(made, endpoint.Info{Zone: e.zone(t.ZoneMeta)})
	if e.Service.Weights != nil {
		made = weight.Set(made, weight.EndpointInfo{Weight: e.weight()})
	}
	return made, nil
}

// weight returns the weight that belongs to the instance's health. A warning may
// have none, which takes it out.
func (e *entry) weight() uint32 {
	w := e.Service.Weights
	switch {
	case w == nil:
		return 1
	case e.health() == warning:
		return uint32(min(max(w.Warning, 0), math.MaxUint16))
	default:
		return uint32(min(max(w.Passing, 1), math.MaxUint16))
	}
}

// zone returns the zone of the service, or of its node: the locality that Consul
// knows, or what the metadata say.
func (e *entry) zone(key string) string {
	for _, l := range []*locality{e.Service.Locality, e.Node.Locality} {
		if l != nil && l.Zone != "" {
			return l.Zone
		}
	}
	if z := e.Service.Meta[key]; z != "" {
		return z
	}
	return e.Node.Meta[key]
}
