// Package load plans the calls of a run and makes them at their time.
//
//	calls, err := load.Plan(load.Config{Seed: 1, Rate: 600, Duration: 10 * time.Second, Clients: 2, Catalog: c})
//	load.Drive(ctx, start, calls, load.Sleep, func(ctx context.Context, i int, due time.Time) { … })
//
// A plan is computed before anything runs and depends on its Config alone, so
// two systems can be given the very same calls at the very same offsets.
//
// Arrivals are a Poisson process: callers do not know of each other. What they
// ask for follows Zipf's law, as demand mostly does: of airports, routes and
// flights in the catalog's order, the k-th is asked for in proportion to
// k^-1.4. Whoever writes looks at the result a moment later.
//
// The load is open: a call is made when it is due, whether or not the ones
// before it have ended, so that a slow server cannot slow down the arrivals that
// would have shown its slowness (Tene's "coordinated omission").
package load

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/catalog"
)

// Kind is which method a call calls.
type Kind int

// The kinds of calls.
const (
	GetAirport Kind = iota
	UpdateAirport
	GetFare
	SetFare
	GetSeat
	GetSeatMap
	HoldSeat
	SellSeat
)

// IsWrite reports whether calls of the kind change something.
func (k Kind) IsWrite() bool {
	switch k {
	case UpdateAirport, SetFare, HoldSeat, SellSeat:
		return true
	}
	return false
}

// mix is how many of a thousand arrivals are of a kind. Travellers look at far
// more than they book. What follows a write comes on top.
var mix = [...]struct {
	kind  Kind
	share int
}{
	{GetAirport, 520},
	{GetFare, 390},
	{GetSeat, 50},
	{GetSeatMap, 15},
	{SetFare, 12},
	{HoldSeat, 10},
	{UpdateAirport, 3},
}

const (
	zipfExponent = 1.4
	// travellers is how many people use each client.
	travellers = 8
	// byIdent is the share of GetAirport calls that know the airport by its
	// ident and not by its IATA code.
	byIdent = 0.1
	// edited is how many of the busiest airports get notices, all as often as
	// each other: what is written does not follow what is read.
	edited = 100
)

// next is what the traveller who wrote something does next, between one and two
// thinking times later: buys the seat, or looks at what the write has come to.
var next = map[Kind]Kind{HoldSeat: SellSeat, SellSeat: GetSeat, SetFare: GetFare, UpdateAirport: GetAirport}

const thinking = 500 * time.Millisecond

// Call is one call of the plan. Which of the last fields have a meaning depends
// on its kind.
type Call struct {
	At        time.Duration // when it is due, from the start of the run
	Client    int
	Traveller string
	Kind      Kind

	Code                string // GetAirport: ident or IATA code; UpdateAirport: ident
	Notice              string // UpdateAirport
	Origin, Destination string // GetFare, SetFare
	AmountCents         int64  // SetFare
	Flight, Seat        string // all of seats; GetSeatMap has no Seat
}

// Config is what a plan depends on.
type Config struct {
	Seed     uint64
	Rate     float64 // arrivals per second: greater than 0, at most 100,000
	Duration time.Duration
	Clients  int
	Catalog  *catalog.Catalog
}

func (c Config) validate() error {
	var errs []error
	if !(c.Rate > 0 && c.Rate <= 1e5) {
		errs = append(errs, fmt.Errorf("load: rate must be greater than 0 and at most 100000, got %v", c.Rate))
	}
	if c.Duration <= 0 {
		errs = append(errs, fmt.Errorf("load: duration must be greater than 0s, got %v", c.Duration))
	}
	if c.Clients < 1 {
		errs = append(errs, fmt.Errorf("load: clients must be at least 1, got %d", c.Clients))
	}
	return errors.Join(errs...)
}

// Plan computes the calls of a run, by time.
func Plan(cfg Config) ([]Call, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := newPlanner(cfg)
	var calls []Call
	gap := func() time.Duration { return time.Duration(p.rand.ExpFloat64() / cfg.Rate * float64(time.Second)) }
	for at := gap(); at < cfg.Duration; at += gap() {
		c := Call{At: at, Client: p.rand.IntN(cfg.Clients), Kind: p.kind()}
		c.Traveller = fmt.Sprintf("traveller-%d-%d", c.Client, p.rand.IntN(travellers))
		c = p.fill(c)
		calls = append(calls, c)
		for then, ok := next[c.Kind]; ok; then, ok = next[c.Kind] {
			c.Kind, c.At = then, c.At+thinking+time.Duration(p.rand.Int64N(int64(thinking)))
			if c.At < cfg.Duration {
				calls = append(calls, c)
			}
		}
	}
	slices.SortStableFunc(calls, func(a, b Call) int { return cmp.Compare(a.At, b.At) })
	return calls, nil
}

// planner draws what calls ask for.
type planner struct {
	rand                      *rand.Rand
	catalog                   *catalog.Catalog
	airports, routes, flights *zipf
	taken                     map[string]int // how many seats of a flight are held, from the first on
	notices                   int
}

func newPlanner(cfg Config) *planner {
	return &planner{
		rand:     rand.New(rand.NewPCG(cfg.Seed, 0)),
		catalog:  cfg.Catalog,
		airports: newZipf(zipfExponent, len(cfg.Catalog.Airports)),
		routes:   newZipf(zipfExponent, len(cfg.Catalog.Routes)),
		flights:  newZipf(zipfExponent, len(cfg.Catalog.Flights)),
		taken:    make(map[string]int),
	}
}

func (p *planner) kind() Kind {
	n := p.rand.IntN(1000)
	for _, m := range mix {
		if n -= m.share; n < 0 {
			return m.kind
		}
	}
	return GetAirport
}

// fill draws what a call asks for. A HoldSeat of a flight that is full becomes a
// GetSeatMap: its traveller looks in vain.
func (p *planner) fill(c Call) Call {
	switch c.Kind {
	case GetAirport:
		a := p.catalog.Airports[p.airports.draw(p.rand)]
		if c.Code = a.IATA; c.Code == "" || p.rand.Float64() < byIdent {
			c.Code = a.Ident
		}
	case UpdateAirport:
		p.notices++
		c.Code = p.catalog.Airports[p.rand.IntN(min(edited, len(p.catalog.Airports)))].Ident
		c.Notice = fmt.Sprintf("notice %d: expect queues at security", p.notices)
	case GetFare, SetFare:
		r := p.catalog.Routes[p.routes.draw(p.rand)]
		c.Origin, c.Destination = r.Origin, r.Destination
		if c.Kind == SetFare {
			c.AmountCents = int64(math.Round(float64(r.AmountCents) * (0.5 + p.rand.Float64())))
		}
	case GetSeat, GetSeatMap:
		c.Flight = p.catalog.Flights[p.flights.draw(p.rand)].Number
		if c.Kind == GetSeat {
			c.Seat = p.catalog.Seats[p.rand.IntN(len(p.catalog.Seats))]
		}
	case HoldSeat:
		c.Flight = p.catalog.Flights[p.flights.draw(p.rand)].Number
		n := p.taken[c.Flight]
		if n == len(p.catalog.Seats) {
			c.Kind = GetSeatMap
			break
		}
		c.Seat = p.catalog.Seats[n]
		p.taken[c.Flight]++
	}
	return c
}
