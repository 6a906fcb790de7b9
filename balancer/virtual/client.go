package virtual

import (
	"time"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/report"
)

// Client is a channel with the policy freshet. It is not safe for concurrent use.
type Client struct {
	params    choose.Params
	pool      *choose.Pool
	endpoints []*choose.Endpoint // by number; nil where it has left
	set       *choose.Set
	number    []int // of the members of set
}

// Done is how a call ended.
type Done struct {
	// Code is the status that the client saw.
	Code codes.Code
	// Report is what the server's End returned; "" for none, as when the reply never
	// arrived or the server knows nothing of freshet.
	Report string
}

// NewClient returns a client of endpoints 0 to endpoints-1, all of which are
// ready, in no zone and of priority 0. It fails where c is not valid.
func NewClient(c balancer.Config, endpoints int) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	v := &Client{params: params(c)}
	v.pool = choose.NewPool(v.params.PoolSize)
	for range endpoints {
		v.endpoints = append(v.endpoints, new(choose.Endpoint))
	}
	v.rebuild()
	return v, nil
}

func params(c balancer.Config) choose.Params {
	p := choose.Params{PoolSize: c.PoolSize, Expiry: c.ReportExpiry, Decay: c.EWMADecay}
	if p.PoolSize == 0 {
		p.PoolSize = choose.DefaultPool
	}
	if p.Expiry == 0 {
		p.Expiry = time.Second
	}
	if p.Decay == 0 {
		p.Decay = 10 * time.Second
	}
	return p
}

// rebuild makes a set of the endpoints that are there.
func (c *Client) rebuild() {
	c.number = nil
	var members []*choose.Endpoint
	for i, e := range c.endpoints {
		if e != nil {
			members = append(members, e)
			c.number = append(c.number, i)
		}
	}
	c.set = nil
	if len(members) > 0 {
		c.set = choose.NewSet(c.params, c.pool, members)
	}
}

// Pick chooses an endpoint for a call that begins at now, and counts it. R is 64
// random bits. It returns -1 where there is no endpoint, or where every one is at
// its cap.
func (c *Client) Pick(now time.Duration, r uint64) (endpoint int) {
	if c.set == nil {
		return -1
	}
	i, _ := c.set.Pick(since(now), r)
	n := c.number[i]
	c.endpoints[n].Begin(since(now))
	return n
}

// Done counts the end, at now, of a call that was picked for the endpoint at
// started. It does nothing for an endpoint that has left.
func (c *Client) Done(now time.Duration, endpoint int, started time.Duration, d Done) {
	e := c.endpoints[endpoint]
	if e == nil {
		return
	}
	end := choose.End{Outcome: outcome(d.Code), Took: max(now-started, 1)}
	if r, ok := report.Decode(d.Report); ok {
		end.Reported, end.InFlight, end.Latency = true, r.InFlight, r.Latency
	}
	if e.Finish(since(now), end, &c.params) {
		c.pool.Offer(e)
	}
}

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

// Add lets an endpoint arrive, ready at now, and returns its number, which is
// the next that was never used.
func (c *Client) Add(now time.Duration, zone string, priority int) (endpoint int) {
	c.endpoints = append(c.endpoints, new(choose.Endpoint))
	c.rebuild()
	return len(c.endpoints) - 1
}

// Remove lets an endpoint leave. What was learnt of it is lost.
func (c *Client) Remove(endpoint int) {
	c.endpoints[endpoint] = nil
	c.rebuild()
}

// WantProbe returns the endpoint of which the client wants a report for which it
// would not wait until a call there ends, and false if there is none. Ask after
// each Pick and, where no calls are made, every 100 ms.
func (c *Client) WantProbe(now time.Duration, r uint64) (endpoint int, ok bool) {
	return 0, false
}

// Probed delivers the report of an endpoint that WantProbe named; "" if the
// probe failed.
func (c *Client) Probed(now time.Duration, endpoint int, report string) {}

// since is now as package choose wants it, where 0 is never.
func since(now time.Duration) int64 { return int64(now) + 1 }
