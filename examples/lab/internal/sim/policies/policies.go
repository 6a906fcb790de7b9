// Package policies holds the load balancing policies that the simulation compares: freshet
// itself, which runs the code of a real channel, and models of the others, each with
// the source that it follows.
//
// A policy has two halves. A [Client] is one channel: it chooses servers, and hears how
// calls end. A [Meter] is what a server measures of itself for it and sends along with
// each reply, and as the answer to a probe. Two policies have no need of meters since they
// see through walls: the oracle and join-shortest-queue read the servers themselves.
package policies

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/virtual"
)

// Load is what a server says of itself. A policy reads the fields that its own meter sets.
type Load struct {
	RIF     int     // requests in flight, without the one that ends
	Latency float64 // ns; 0: not known
	Util    float64 // share of the server's workers that were busy
	QPS     float64 // requests per second
	EPS     float64 // of those that failed
	Freshet virtual.Report
}

// Served is a request whose work is done.
type Served struct {
	Arrived int64 // when
	With    int   // others in flight on arrival
	Took    int64 // time in service, without that in the queue
	OK      bool
}

// Meter is the server's half of a policy.
type Meter interface {
	// Arrive tells of a request; rif is how many are in flight, this one included.
	Arrive(now int64, rif int)
	// Depart tells of its end; rif is how many are left.
	Depart(now int64, s Served, rif int)
	// Load sets what the server says at now.
	Load(now int64, rif int, l *Load)
	// Occupy tells that the share of busy workers is busy from now on.
	Occupy(now int64, busy float64)
}

// End is how a call ended for the client.
type End struct {
	Code    codes.Code
	Started int64 // when it was picked for
	Load    *Load // nil for none
}

// Client is the client's half of a policy. A call is known by a small number that is not in
// use for another call between its Pick and its Done.
type Client interface {
	// Pick chooses a server, -1 if the call must wait until another one ends. Failed are the
	// servers on which earlier attempts failed.
	Pick(now int64, call int32, work float64, failed []int) (server int)
	// Done tells that the call has ended.
	Done(now int64, call int32, server int, e End)
	// Probes appends the servers that are to be asked for their load. It is called after each
	// Pick, with its call.
	Probes(now int64, call int32, to []int) []int
	// Probed delivers what a server answered.
	Probed(now int64, server int, l *Load)
	// SetReady tells that a server can be reached, or that it cannot; New, with ready,
	// that it is another one than before.
	SetReady(now int64, server int, ready, fresh bool)
}

// View is what can be known of the servers by one who sees through walls.
type View interface {
	// Servers is how many there are.
	Servers() int
	// Up reports whether a server can be reached and is not draining.
	Up(server int) bool
	// RIF is how many requests are in flight there, those on their way included.
	RIF(server int) int
	// Expected is how long a request with some work would take there by the
	// work that is left to do, and Speed the server's speed now.
	Expected(server int, work float64) float64
	// Speed is that of a worker now; Workers how many it has.
	Speed(server int) float64
	Workers(server int) int
}

// Fleet is what a policy is set up for.
type Fleet struct {
	Servers int
	Clients int
	Seed    uint64
	Random  *rand.Rand // of the policy's choices
	View    View
}

// Policy makes the halves.
type Policy struct {
	Name        string
	Description string
	// Make returns what makes the client with a number, and the meter of a server, which is
	// nil where servers say nothing.
	Make func(f *Fleet) (client func(number int) (Client, error), meter func(server int) Meter)
}

// ByName finds a policy, also one of [Variant].
func ByName(name string) (Policy, error) {
	if config, ok := strings.CutPrefix(name, variant); ok {
		return Variant(config)
	}
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
	}
	return Policy{}, fmt.Errorf("sim: no policy is named %q", name)
}

// variant is what names of freshet with a configuration begin with.
const variant = balancer.Name + " "

// Variant is freshet with a configuration, in JSON as in a service config.
func Variant(config string) (Policy, error) {
	var c balancer.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return Policy{}, err
	}
	return Policy{variant + config, "this module, so configured", makeFreshet(c)}, c.Validate()
}

// Drainer is a Meter that can say that its server drains.
type Drainer interface {
	// Drain makes it say so from now on.
	Drain()
}
