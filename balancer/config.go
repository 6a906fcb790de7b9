package balancer

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
	"github.com/freshet-io/freshet/balancer/internal/locality"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

// Name is the name of the policy in service configs and in gRPC's registry.
const Name = "freshet"

const (
	defaultReportExpiry = time.Second
	minReportExpiry     = 10 * time.Millisecond
	maxReportExpiry     = time.Minute

	defaultEWMADecay = 10 * time.Second
	minEWMADecay     = 100 * time.Millisecond
	maxEWMADecay     = time.Hour

	maxSubset = 100_000
	maxCalls  = 1 << 20

	defaultBalanceFactor = 1.25
	maxBalanceFactor     = 1000

	maxMargin = 100
	maxName   = 256
)

// Config is the configuration of the policy. The zero value is the default, and
// so is each field that is zero.
//
// In JSON, fields have lowerCamelCase names and durations are strings like
// "1.5s", as everywhere in service configs (google.protobuf.Duration):
//
//	{"poolSize":8,"zone":"eu-1a","outlierDetection":{"consecutiveFailures":3}}
type Config struct {
	// PoolSize is how many reports a pick compares, those of the endpoints that
	// reported last. 1 to 16; default 4, beside which two random ones are compared:
	// in simulation more gained nothing.
	PoolSize int
	// ReportExpiry is how long a report is believed. 10 ms to 1 min; default 1 s,
	// Prequal's. Longer suits low rates, shorter suits load that changes fast.
	ReportExpiry time.Duration
	// EWMADecay is the time constant of the client's own latency average, by
	// which it judges endpoints without a fresh report: after it, a
	// peak has decayed to 37 %. 100 ms to 1 h; default 10 s, Finagle's.
	EWMADecay time.Duration
	// MaxConcurrentCalls is how many calls, streams included, this channel has in
	// flight at one endpoint at most. Set it below the servers'
	// MAX_CONCURRENT_STREAMS, beyond which a connection makes calls wait that
	// would have found room elsewhere. Where all endpoints are at their cap, calls
	// wait until one ends, or their own deadline. 0 to 1048576; default 0, no cap.
	MaxConcurrentCalls int
	// Zone is the client's own zone. Default: the environment variable FRESHET_ZONE,
	// else none. At most 256 bytes. Without a zone, zones of endpoints (package
	// resolver/endpoint) mean nothing.
	Zone string
	// Locality says when calls leave the own zone.
	Locality Locality
	// Subset limits the endpoints that the channel connects to.
	Subset Subset
	// Affinity says how calls with a key (callstate.State.SetAffinity) are spread.
	Affinity Affinity
	// OutlierDetection says which endpoints get no calls for a while.
	OutlierDetection OutlierDetection
	// SlowStart says how new endpoints get their share.
	SlowStart SlowStart
}

// Locality says when calls leave the client's own zone: not before that is hotter
// than the others, by requests in flight per endpoint.
type Locality struct {
	// Margin is by what part the own zone may be hotter. Over 0 to 100; default 0.25.
	Margin float64
	// MinEndpoints is the least number of ready endpoints that makes a zone; with fewer at
	// home, zones are disregarded. 1 to 100000; default 1.
	MinEndpoints int
}

// Subset limits the endpoints that the channel connects to. Which ones depends on
// nothing but the endpoints and the client's identity: so it stays the same across
// restarts, and an endpoint that comes or goes replaces one or two.
type Subset struct {
	// Size is how many endpoints of each priority, and where the client has a zone, how many
	// there and how many elsewhere. 0 to 100000; default 0, all.
	Size int
	// Client is who this client is. Clients of one fleet must differ, and each stay
	// the same across restarts. At most 256 bytes. Default: the host name. One that ends in
	// a number, as "web-12" of a StatefulSet does, is placed by that number, which
	// spreads the clients over the servers more evenly than hashing does.
	Client string
}

// Affinity says how calls with a key are spread: by consistent hashing with
// bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018).
type Affinity struct {
	// BalanceFactor is how many times its fair part of the channel's calls in flight
	// an endpoint may have before calls with its keys go to the next one. 1 to
	// 1000; default 1.25.
	BalanceFactor float64
}

// Validate returns an error that names every field that is out of its limits,
// with the limits and the value, or nil.
func (c Config) Validate() error {
	return c.withDefaults().check()
}

func (c Config) withDefaults() Config {
	if c.PoolSize == 0 {
		c.PoolSize = choose.DefaultPool
	}
	if c.ReportExpiry == 0 {
		c.ReportExpiry = defaultReportExpiry
	}
	if c.EWMADecay == 0 {
		c.EWMADecay = defaultEWMADecay
	}
	if c.Locality.Margin == 0 {
		c.Locality.Margin = locality.DefaultMargin
	}
	if c.Locality.MinEndpoints == 0 {
		c.Locality.MinEndpoints = 1
	}
	if c.Affinity.BalanceFactor == 0 {
		c.Affinity.BalanceFactor = defaultBalanceFactor
	}
	return c
}

// check is Validate for a Config whose zeros are not defaults, but for those of
// ejection, which has its own.
func (c Config) check() error {
	var faults []error
	integer := func(field string, v, low, high int) {
		if v < low || v > high {
			faults = append(faults, fmt.Errorf("balancer: %s must be between %d and %d, got %d", field, low, high, v))
		}
	}
	between := func(field string, d, low, high time.Duration) {
		if d < low || d > high {
			faults = append(faults, fmt.Errorf("balancer: %s must be between %v and %v, got %v", field, low, high, d))
		}
	}
	float := func(field string, v, low, high float64) {
		if !(v >= low && v <= high) {
			faults = append(faults, fmt.Errorf("balancer: %s must be between %v and %v, got %v", field, low, high, v))
		}
	}
	short := func(field, s string) {
		if len(s) > maxName {
			faults = append(faults, fmt.Errorf("balancer: %s must have at most %d bytes, got %d", field, maxName, len(s)))
		}
	}
	integer("poolSize", c.PoolSize, 1, choose.MaxPool)
	between("reportExpiry", c.ReportExpiry, minReportExpiry, maxReportExpiry)
	between("ewmaDecay", c.EWMADecay, minEWMADecay, maxEWMADecay)
	integer("maxConcurrentCalls", c.MaxConcurrentCalls, 0, maxCalls)
	short("zone", c.Zone)
	float("locality.margin", c.Locality.Margin, math.SmallestNonzeroFloat64, maxMargin)
	integer("locality.minEndpoints", c.Locality.MinEndpoints, 1, maxSubset)
	integer("subset.size", c.Subset.Size, 0, maxSubset)
	short("subset.client", c.Subset.Client)
	float("affinity.balanceFactor", c.Affinity.BalanceFactor, 1, maxBalanceFactor)
	faults = append(faults, c.ejection().Validate())
	return errors.Join(faults...)
}

// Params returns what c sets, with the defaults in place of zeros, as the packages inside
// of this one take it. It is there for package virtual, so that a simulation has
// the settings of a channel; its type is of no use elsewhere. The zone is only that of c:
// the environment is not asked. It fails where Validate does.
func (c Config) Params() (plan.Params, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return plan.Params{}, err
	}
	p := c.params()
	p.Zone = c.Zone
	return p, nil
}

// params are the settings of plans, of a Config that has its defaults.
func (c Config) params() plan.Params {
	p := plan.Params{
		Choose:  choose.Params{PoolSize: c.PoolSize, Expiry: c.ReportExpiry, Decay: c.EWMADecay},
		Eject:   c.ejection().WithDefaults(),
		Spill:   locality.Config{Margin: c.Locality.Margin, MinLocal: c.Locality.MinEndpoints},
		Balance: c.Affinity.BalanceFactor,
		Cap:     int64(c.MaxConcurrentCalls),
	}
	if p.Cap == 0 {
		p.Cap = plan.NoCap
	}
	return p
}
