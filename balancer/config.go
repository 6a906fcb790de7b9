package balancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
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
)

// Config is the configuration of the policy. The zero value is the default, and
// so is each field that is zero.
//
// In JSON, fields have lowerCamelCase names and durations are strings like
// "1.5s", as everywhere in service configs (google.protobuf.Duration):
//
//	{"poolSize":16,"reportExpiry":"1s","ewmaDecay":"10s"}
type Config struct {
	// PoolSize is how many reports a pick compares, those of the endpoints that
	// reported last. 1 to 16; default 16. With 1 there is nothing to compare, and
	// the client's own measurements decide.
	PoolSize int
	// ReportExpiry is how long a report is believed. 10 ms to 1 min; default 1 s,
	// Prequal's. Longer suits low rates, shorter suits load that changes fast.
	ReportExpiry time.Duration
	// EWMADecay is the time constant of the client's own latency average, by
	// which it judges endpoints without a fresh report: after it, a
	// peak has decayed to 37 %. 100 ms to 1 h; default 10 s, Finagle's.
	EWMADecay time.Duration
}

// Validate returns an error that names every field that is out of its limits,
// with the limits and the value, or nil.
func (c Config) Validate() error {
	return c.withDefaults().check()
}

func (c Config) withDefaults() Config {
	if c.PoolSize == 0 {
		c.PoolSize = choose.MaxPool
	}
	if c.ReportExpiry == 0 {
		c.ReportExpiry = defaultReportExpiry
	}
	if c.EWMADecay == 0 {
		c.EWMADecay = defaultEWMADecay
	}
	return c
}

// check is Validate for a Config whose zeros are not defaults.
func (c Config) check() error {
	var faults []error
	if c.PoolSize < 1 || c.PoolSize > choose.MaxPool {
		faults = append(faults, fmt.Errorf("balancer: poolSize must be between 1 and %d, got %d", choose.MaxPool, c.PoolSize))
	}
	between := func(field string, d, low, high time.Duration) {
		if d < low || d > high {
			faults = append(faults, fmt.Errorf("balancer: %s must be between %v and %v, got %v", field, low, high, d))
		}
	}
	between("reportExpiry", c.ReportExpiry, minReportExpiry, maxReportExpiry)
	between("ewmaDecay", c.EWMADecay, minEWMADecay, maxEWMADecay)
	return errors.Join(faults...)
}

// MarshalJSON writes the fields that are not zero. It does not validate.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		PoolSize     int    `json:"poolSize,omitempty"`
		ReportExpiry string `json:"reportExpiry,omitempty"`
		EWMADecay    string `json:"ewmaDecay,omitempty"`
	}{c.PoolSize, formatDuration(c.ReportExpiry), formatDuration(c.EWMADecay)})
}

// UnmarshalJSON reads the fields that are present and leaves the others as they
// are. Unknown fields are ignored, as gRPC demands of policies; fields of a wrong
// type are errors, all of which are reported. It does not validate limits.
func (c *Config) UnmarshalJSON(data []byte) error {
	fields, err := object(data)
	if err != nil {
		return fmt.Errorf("balancer: config %w", err)
	}
	return errors.Join(
		readInt(fields, "poolSize", &c.PoolSize),
		readDuration(fields, "reportExpiry", &c.ReportExpiry),
		readDuration(fields, "ewmaDecay", &c.EWMADecay),
	)
}
