package plan

import (
	"math"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/locality"
)

// Params are the settings of a plan. They are comparable.
type Params struct {
	Choose  choose.Params
	Eject   eject.Config // with defaults
	Zone    string       // the client's own; "" for none
	Spill   locality.Config
	Balance float64 // of affinity: how many times its fair part of calls an endpoint may have in flight
	Cap     int64   // of this client's calls in flight at an endpoint
}

// NoCap is the Cap that allows everything.
const NoCap = math.MaxInt64

// Rule is the step that decided a pick.
type Rule uint8

// The rules. Only: there was one endpoint to choose from. Report: the best expected time by reports.
// TwoChoices: the client's own measurements, or chance. Affinity: the call's key.
// Probation: a single call to an ejected endpoint. Panic: ejection was ignored.
const (
	Only Rule = iota
	Report
	TwoChoices
	Affinity
	Probation
	Panic
)

// Rules is how many there are.
const Rules = int(Panic) + 1

// Member is an endpoint that is ready.
type Member struct {
	*Endpoint

	ID       string // by which affinity knows it; the same in every process
	Zone     string // "" if unknown
	Priority int    // 0 is preferred
	Drained  bool   // the resolver says so
}

// Call is what a pick must know of a call.
type Call struct {
	Key    uint64 // of affinity, if HasKey: a hash
	HasKey bool
	Stream bool
	// Avoid reports whether an endpoint has failed the call; nil if none has.
	Avoid func(*Endpoint) bool
}

// Pick is a pick that was made.
type Pick struct {
	Index    int // among the plan's members
	Rule     Rule
	Endpoint *Endpoint
	Start    int64

	part   *part
	stream bool
	single bool // claims the single call of a probation
}

// End is how a call ended.
type End struct {
	choose.End
	// Elapsed is how long the call was under way, whether or not that is a latency.
	Elapsed time.Duration
	// Draining and Overloaded are what the report said.
	Draining, Overloaded bool
	// Weight is for how many calls this one stands, itself included: those of the others that
	// ended well were skimmed, see [Plan.Skim]. 0 is 1.
	Weight int
	// Pushback is how long the server asks not to be tried again; 0 if it does not.
	Pushback time.Duration
}

// Observer hears of what a channel does. Its methods are called by picks and ends
// of calls, and must not block.
type Observer interface {
	// Swept tells of the endpoints of a tier having been judged.
	Swept(priority int, s eject.Summary)
	// Ejected tells that the end of a call has ejected an endpoint.
	Ejected(*Endpoint)
}
