package balancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// field is a member of a JSON object of the configuration.
type field struct {
	name string
	// to is a pointer to an int, float64, string or time.Duration, or the
	// []field of an object.
	to any
}

// fields lists everything that a configuration can say.
func (c *Config) fields() []field {
	o, s := &c.OutlierDetection, &c.SlowStart
	return []field{
		{"poolSize", &c.PoolSize},
		{"reportExpiry", &c.ReportExpiry},
		{"ewmaDecay", &c.EWMADecay},
		{"maxConcurrentCalls", &c.MaxConcurrentCalls},
		{"zone", &c.Zone},
		{"locality", []field{
			{"margin", &c.Locality.Margin},
			{"minEndpoints", &c.Locality.MinEndpoints},
		}},
		{"subset", []field{
			{"size", &c.Subset.Size},
			{"client", &c.Subset.Client},
		}},
		{"affinity", []field{{"balanceFactor", &c.Affinity.BalanceFactor}}},
		{"outlierDetection", []field{
			{"consecutiveFailures", &o.ConsecutiveFailures},
			{"failurePercent", &o.FailurePercent},
			{"failureMargin", &o.FailureMargin},
			{"latencyFactor", &o.LatencyFactor},
			{"latencyMargin", &o.LatencyMargin},
			{"requestVolume", &o.RequestVolume},
			{"minimumHosts", &o.MinimumHosts},
			{"window", &o.Window},
			{"interval", &o.Interval},
			{"baseEjectionTime", &o.BaseEjectionTime},
			{"maxEjectionTime", &o.MaxEjectionTime},
			{"maxEjectionPercent", &o.MaxEjectionPercent},
			{"panicPercent", &o.PanicPercent},
			{"probationCalls", &o.ProbationCalls},
			{"probationTimeout", &o.ProbationTimeout},
			{"returnWindow", &o.ReturnWindow},
		}},
		{"slowStart", []field{
			{"window", &s.Window},
			{"aggression", &s.Aggression},
			{"minPercent", &s.MinPercent},
		}},
	}
}

// MarshalJSON writes the fields that are not zero. It does not validate.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(written(c.fields())) }

// UnmarshalJSON reads the fields that are present and leaves the others as they
// are. Unknown fields are ignored, as gRPC demands of policies; fields of a wrong
// type are errors, all of which are reported. It does not validate limits.
func (c *Config) UnmarshalJSON(data []byte) error {
	members, err := object(data)
	if err != nil {
		return fmt.Errorf("balancer: config %w", err)
	}
	return read(members, "", c.fields())
}

// written are the members that are not zero.
func written(fields []field) map[string]any {
	members := make(map[string]any)
	for _, f := range fields {
		switch to := f.to.(type) {
		case *int:
			if *to != 0 {
				members[f.name] = *to
			}
		case *float64:
			if *to != 0 {
				members[f.name] = *to
			}
		case *string:
			if *to != "" {
				members[f.name] = *to
			}
		case *time.Duration:
			if *to != 0 {
				members[f.name] = formatDuration(*to)
			}
		case []field:
			if inner := written(to); len(inner) > 0 {
				members[f.name] = inner
			}
		}
	}
	return members
}

// read reads the members that are present; path is what their names begin with in
// errors.
func read(members map[string]json.RawMessage, path string, fields []field) error {
	var faults []error
	for _, f := range fields {
		raw, ok := present(members, f.name)
		if !ok {
			continue
		}
		faults = append(faults, readField(raw, path+f.name, f.to))
	}
	return errors.Join(faults...)
}

func readField(raw json.RawMessage, name string, to any) error {
	kind := ""
	switch to := to.(type) {
	case []field:
		inner, err := object(raw)
		if err != nil {
			return fmt.Errorf("balancer: %s %w", name, err)
		}
		return read(inner, name+".", to)
	case *time.Duration:
		return readDuration(raw, name, to)
	case *int:
		kind = "an integer"
	case *float64:
		kind = "a number"
	case *string:
		kind = "a string"
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("balancer: %s must be %s, got %s", name, kind, shorten(raw))
	}
	return nil
}
