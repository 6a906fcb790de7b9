package balancer

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/conns"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/plan"
	"github.com/freshet-io/freshet/resolver/endpoint"
)

// Snapshot explains what the policy does in one channel, and why.
type Snapshot struct {
	// Target is the channel's target.
	Target string
	// Config is the configuration, with defaults, but for those of OutlierDetection
	// and SlowStart where zero is the default.
	Config Config
	// Zone is the client's own zone, "" without one.
	Zone string
	// Endpoints are all that the resolver returned, in order of their addresses.
	Endpoints []EndpointSnapshot
}

// EndpointSnapshot explains one endpoint.
type EndpointSnapshot struct {
	// Addresses are the endpoint's, in the resolver's order.
	Addresses []string
	// Zone and Priority are what the resolver says of it.
	Zone     string
	Priority int
	// Connected says that the endpoint is of the subset that the channel connects to, and
	// State is "READY", "CONNECTING", "IDLE" or "TRANSIENT_FAILURE", with its Error.
	Connected bool
	State     string
	Error     string
	// Phase is "normal", "starting", "ejected", "probation" or "returning"; Reason says why it
	// was ejected, and Until when single calls begin.
	Phase  string
	Reason string
	Until  time.Time
	// Share is the part of its fair share of calls that it gets at most, over 0 to 1, and
	// Draining says that it shall get no new ones.
	Share    float64
	Draining bool
	// Overloaded says that its server has said, within the last 5 s, that all of some tier is in
	// use: loadreport's SetUtilization at 1 or more, or as much in an ORCA report.
	Overloaded bool
	// InFlight are this channel's calls in flight there, streams included.
	InFlight int64
	// Reported says that the server has reported its load: OthersInFlight requests in
	// flight that are not this channel's, and Service, what a request takes there (0 if the server
	// does not know), Age ago.
	Reported       bool
	Age            time.Duration
	OthersInFlight float64
	Service        time.Duration
	// Latency is the client's own measure, a peak-EWMA; 0 if there is none.
	Latency time.Duration
	// Failed and Refused are the recent shares of calls that failed by the server's fault
	// and of those that the request deserved to have refused.
	Failed  float64
	Refused float64
	// Picks counts calls by the rule that chose the endpoint, in the names of callstate.Rule.
	Picks map[string]int64
}

// open are the balancers that are not closed: what the process has, for [Snapshots]
// alone to look at.
var open sync.Map // *freshet -> struct{}

// Snapshots explains all channels of the process that use the policy and are
// not idle, in order of their targets. Reading it costs time linear in the endpoints and
// holds up connection management, but no call. Times and counts are read one by
// one while calls go on. It may be called concurrently.
func Snapshots() []Snapshot {
	var all []Snapshot
	open.Range(func(b, _ any) bool {
		if f, ok := b.(*freshet); ok {
			all = append(all, f.snapshot())
		}
		return true
	})
	slices.SortStableFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.Target, b.Target) })
	return all
}

func (b *freshet) snapshot() Snapshot {
	b.mu.Lock()
	s := Snapshot{Target: b.meter.target, Config: b.config, Zone: b.zone}
	b.mu.Unlock()
	params := s.Config.withDefaults().params()
	for _, l := range b.conns.Leaves() {
		s.Endpoints = append(s.Endpoints, b.explain(l, &params))
	}
	slices.SortStableFunc(s.Endpoints, func(a, b EndpointSnapshot) int { return slices.Compare(a.Addresses, b.Addresses) })
	return s
}

func (b *freshet) explain(l conns.Status[plan.Endpoint], params *plan.Params) EndpointSnapshot {
	now, e := b.now(), l.Learnt
	about, known := endpoint.Get(l.Endpoint), e.Explain(now, &params.Choose)
	reason, until, counters := e.Ejection.Explain(now)
	s := EndpointSnapshot{
		Zone: about.Zone, Priority: about.Priority,
		Connected: l.On, State: l.State.String(),
		Phase: counters.Phase.String(), Share: e.Ejection.Share(now, &params.Eject), Draining: e.Draining(now), Overloaded: e.Overloaded(now),
		InFlight: known.InFlight, Reported: known.Reported, Age: known.Age,
		OthersInFlight: known.Others, Service: known.Service,
		Latency: known.Latency, Failed: known.Failed, Refused: known.Refused,
		Picks: make(map[string]int64),
	}
	for _, a := range l.Endpoint.Addresses {
		s.Addresses = append(s.Addresses, a.Addr)
	}
	if l.Err != nil {
		s.Error = l.Err.Error()
	}
	if reason != eject.None {
		s.Reason = reason.String()
	}
	if until != 0 {
		s.Until = b.clock.base.Add(time.Duration(until))
	}
	for r, n := range e.Picks() {
		if n > 0 {
			s.Picks[ruleOf(plan.Rule(r)).String()] = n
		}
	}
	return s
}
