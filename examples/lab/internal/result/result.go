// Package result is what both halves of the lab produce, the simulation and the
// real channels: how one policy did in one scenario with one seed.
package result

// Run is one policy in one scenario with one seed. Its fields are those of the JSON
// that the lab prints.
type Run struct {
	// Mode is "simulation" or "grpc".
	Mode string `json:"mode"`
	// Scenario names the setting, as in "100x100, 75 %".
	Scenario string `json:"scenario"`
	// Policy names the policy, as service configs do where there is one.
	Policy string `json:"policy"`
	Seed   uint64 `json:"seed"`

	// Calls is how many were measured, failed ones included.
	Calls int `json:"calls"`
	// Latencies of the measured calls, in ms; those that failed count as their deadline
	// or, if they failed before, as what they took.
	Mean float64 `json:"mean_ms"`
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	// Errors is the share of calls that failed, time-outs included.
	Errors float64 `json:"errors"`
	// Probes is how many extra calls were made for one call.
	Probes float64 `json:"probes"`
	// RIF99 is the 99th percentile of requests in flight at a server, as arrivals
	// find it; 0 if it was not measured.
	RIF99 float64 `json:"rif_p99,omitempty"`
	// Share is the greatest share of the calls that one server got.
	Share float64 `json:"max_share"`
	// Watched is the share of the calls that the server got which the scenario watches,
	// such as one that lies; 0 if it watches none.
	Watched float64 `json:"watched_share,omitempty"`
	// Oracle is P99 as a multiple of the oracle's with the same seed; 0 if that did
	// not run.
	Oracle float64 `json:"oracle_ratio,omitempty"`
	// Late is the 99th percentile of how late the generator of a real run made its
	// calls, in ms; latencies count from when a call should have been made.
	Late float64 `json:"late_p99_ms,omitempty"`
	// Busy marks a real run in which the machine had no time for it: it says nothing.
	Busy bool `json:"busy,omitempty"`
}
