package virtual

import (
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/internal/affinity"
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

// Client is a channel with the policy freshet. It is not safe for concurrent use.
type Client struct {
	params    plan.Params
	channel   *plan.Channel
	endpoints []endpoint    // by number
	stale     bool          // the plan does not show the endpoints as they are
	at        time.Duration // of the last change
	plan      *plan.Plan    // nil if no endpoint is ready
	numbers   []int         // of the members of plan
}

type endpoint struct {
	*plan.Endpoint // nil where it has left

	id       string
	zone     string
	priority int
	ready    bool
	drained  bool
}

// Call is what the policy must know of a call. The zero value is a plain unary one.
type Call struct {
	// Failed are the endpoints that have failed the call: it is a retry.
	Failed []int
	// Key is the call's affinity, "" for none.
	Key string
}

// Pick is a pick that was made. It must be given back by Done or Retract.
type Pick struct {
	// Endpoint is its number.
	Endpoint int

	plan *plan.Plan
	pick plan.Pick
}

// Rule names the rule that decided: "only", "report", "two_choices", "affinity",
// "probation" or "panic".
func (p *Pick) Rule() string { return rules[p.pick.Rule] }

var rules = [plan.Rules]string{"only", "report", "two_choices", "affinity", "probation", "panic"}

// Done is how a call ended.
type Done struct {
	// Code is the status that the client saw.
	Code codes.Code
	// Report is what the server's End returned; the zero value for none.
	Report Report
	// Pushback is how long the server asks not to be tried again; 0 if it does not.
	Pushback time.Duration
}

// NewClient returns a client of endpoints 0 to endpoints-1, all of which are ready, in
// no zone, of priority 0, and were there before the client. Seed should be different for
// each client. Of c, Subset is ignored, and the environment is not asked for a
// zone. It fails where c is not valid.
func NewClient(c balancer.Config, endpoints int, seed uint64) (*Client, error) {
	params, err := c.Params()
	if err != nil {
		return nil, err
	}
	v := &Client{params: params, channel: plan.NewChannel(seed, nil)}
	for range endpoints {
		v.endpoints[v.Add(0, "", 0)].Settle()
	}
	return v, nil
}

// Add lets an endpoint arrive, ready at now, and returns its number, which is
// the next that was never used. It starts slowly.
func (c *Client) Add(now time.Duration, zone string, priority int) (number int) {
	number = len(c.endpoints)
	c.endpoints = append(c.endpoints, endpoint{
		Endpoint: new(plan.Endpoint), id: strconv.Itoa(number), zone: zone, priority: priority, ready: true,
	})
	c.changed(now)
	return number
}

// Move changes an endpoint's zone and priority.
func (c *Client) Move(now time.Duration, number int, zone string, priority int) {
	c.endpoints[number].zone, c.endpoints[number].priority = zone, priority
	c.changed(now)
}

// SetReady tells that an endpoint is connected, or that it is not, as from a GOAWAY on or
// while health checks fail: then it gets no calls. What was learnt of it is kept.
func (c *Client) SetReady(now time.Duration, number int, ready bool) {
	c.endpoints[number].ready = ready
	c.changed(now)
}

// SetDraining tells that the resolver says an endpoint drains, or does not.
func (c *Client) SetDraining(now time.Duration, number int, draining bool) {
	c.endpoints[number].drained = draining
	c.changed(now)
}

// Remove lets an endpoint leave for good. What was learnt of it is lost.
func (c *Client) Remove(now time.Duration, number int) {
	c.endpoints[number].Endpoint = nil
	c.changed(now)
}

// changed makes a new plan, at the first pick that needs it: a simulation may
// change many endpoints at once.
func (c *Client) changed(now time.Duration) { c.stale, c.at = true, now }

func (c *Client) replan() {
	c.stale, c.plan, c.numbers = false, nil, nil
	var members []plan.Member
	totals := make(map[int]int)
	for i, e := range c.endpoints {
		if e.Endpoint == nil {
			continue
		}
		totals[e.priority]++
		if e.ready {
			members = append(members, plan.Member{
				Endpoint: e.Endpoint, ID: e.id, Zone: e.zone, Priority: e.priority, Drained: e.drained,
			})
			c.numbers = append(c.numbers, i)
		}
	}
	if len(members) > 0 {
		c.plan = c.channel.Plan(since(c.at), c.params, members, totals)
	}
}

// Pick chooses an endpoint for a call that begins at now, and counts it. R is 64
// random bits. It reports false where no endpoint is ready, or every one is at
// its cap: the call should wait, and be picked for again when another one has ended.
func (c *Client) Pick(now time.Duration, r uint64, call Call) (Pick, bool) {
	if c.stale {
		c.replan()
	}
	if c.plan == nil {
		return Pick{}, false
	}
	p := plan.Call{}
	if call.Key != "" {
		p.Key, p.HasKey = affinity.Hash(call.Key), true
	}
	if len(call.Failed) > 0 {
		p.Avoid = c.avoid(call.Failed)
	}
	pick, ok := c.plan.Pick(since(now), r, p)
	if !ok {
		return Pick{}, false
	}
	return Pick{Endpoint: c.numbers[pick.Index], plan: c.plan, pick: pick}, true
}

func (c *Client) avoid(failed []int) func(*plan.Endpoint) bool {
	return func(e *plan.Endpoint) bool {
		return slices.ContainsFunc(failed, func(n int) bool { return c.endpoints[n].Endpoint == e })
	}
}

// Done counts the end, at now, of a call that was picked for.
func (c *Client) Done(now time.Duration, p Pick, d Done) {
	took := max(now-time.Duration(p.pick.Start-since(0)), 1)
	end := plan.End{Elapsed: took, Pushback: d.Pushback}
	end.Outcome, end.Took = outcome(d.Code), took
	if r := d.Report.wired(); r.Known {
		end.Reported, end.InFlight, end.Latency, end.Draining = true, uint32(r.InFlight), r.Latency, r.Draining
	}
	p.plan.Finish(since(now), p.pick, end)
}

// outcome sorts a status as package balancer does, of calls that were sent.
func outcome(c codes.Code) choose.Outcome {
	switch c {
	case codes.OK:
		return choose.Success
	case codes.Canceled:
		return choose.Unknown
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.ResourceExhausted, codes.DeadlineExceeded, codes.DataLoss:
		return choose.Failure
	default:
		return choose.Refused
	}
}

// Retract takes back a pick whose call was not sent, since its connection went away
// between the two.
func (c *Client) Retract(p Pick) { p.plan.Retract(p.pick) }

// WantProbe returns the endpoint, beside the one that was picked, of which the client wants
// a report that no call brings soon, and false if there is none. Ask after each Pick.
func (c *Client) WantProbe(now time.Duration, p Pick, r uint64) (Probe, bool) {
	want, ok := p.plan.WantProbe(p.pick, since(now), r)
	if !ok {
		return Probe{}, false
	}
	return Probe{Endpoint: c.numbers[want.Index], plan: p.plan, pick: want}, true
}

// Probe is a probe that is wanted.
type Probe struct {
	// Endpoint is the number of the one to ask.
	Endpoint int

	plan *plan.Plan
	pick plan.Pick
}

// Probed delivers, at now, what the endpoint of a probe reported; nothing need be
// called if the probe failed.
func (c *Client) Probed(now time.Duration, p Probe, r Report) {
	if r = r.wired(); !r.Known {
		return
	}
	p.plan.Probed(since(now), p.pick, plan.End{Draining: r.Draining, End: choose.End{
		Reported: true, InFlight: uint32(r.InFlight), Latency: r.Latency,
	}})
}

// since is now as the packages below want it, where 0 is never.
func since(now time.Duration) int64 { return int64(now) + 1 }
