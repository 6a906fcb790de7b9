package sim

import "time"

// Scenario is a setting in which policies are compared. Those of [Scenarios] are the
// lab's; a copy may be changed.
type Scenario struct {
	Name        string
	Description string
	// Quick scenarios are those of a short run of the lab.
	Quick bool

	Servers int
	Clients int
	// Workers is how many requests a server works on at a time.
	Workers int
	// Sharing makes servers share Workers cores among all requests, instead of having them
	// wait, first in, first out, for one of Workers workers.
	Sharing bool
	// Load is the rate of calls as a part of what all servers can do.
	Load float64
	// Mean of the log-normal work of a call on a fast server, and Sigma of its logarithm.
	Mean  time.Duration
	Sigma float64
	// Slower is how many times slower every second server is, the first one being fast.
	Slower float64
	// Antagonists is on how many servers, spread evenly, there is one, that makes the
	// server 10 times slower for 300 ms of every 3 s.
	Antagonists int

	// Delay is that of the network, one way; Deadline that of calls.
	Delay    time.Duration
	Deadline time.Duration
	// Retries is how many times a call is tried again that failed as unavailable.
	Retries int
	// Warmup is how long calls are made before the Window in which they are measured.
	Warmup time.Duration
	Window time.Duration

	// Watch is a server whose share is measured, -1 for none.
	Watch int
	// Changes are what happens to servers, in order of time.
	Changes []Change
}

// Change is something that happens to a server.
type Change struct {
	At     time.Duration // since the beginning, warm-up included
	Server int
	Kind   Kind
	// By is how many times less than true a lie is.
	By float64
	// Took is how long a failing call takes; 0: what it would take if it did not fail.
	Took time.Duration
}

// Kind says what a change is.
type Kind int

const (
	// Lie makes a server report a utilization, latency and requests in flight that
	// are By times less than true.
	Lie Kind = iota
	// Fail makes all calls fail with UNAVAILABLE.
	Fail
	// Heal ends Lie and Fail.
	Heal
	// Drain makes the server say that it drains, to those who understand.
	Drain
	// Leave is GOAWAY: clients send nothing new, what is under way ends as it would.
	Leave
	// Kill fails all that is under way; clients see it when their connection breaks.
	Kill
	// Return brings back a server that left or was killed.
	Return
	// Arrive is Return as a server that nobody knows.
	Arrive
)

// warmup is long enough for weighted_round_robin, which is the slowest to begin: for 10 s after
// the first report of each server it is round_robin (gRFC A58's blackout), after which
// overloaded servers have to recover. The more servers and clients, the later that report.
func warmup(servers, clients int) time.Duration {
	if servers*clients > 10_000 {
		return time.Minute
	}
	return 40 * time.Second
}

// standard is the main setting of the lab.
func standard(name string, servers, clients int, load float64) Scenario {
	return Scenario{
		Name: name, Servers: servers, Clients: clients, Workers: 4, Load: load,
		Mean: 20 * time.Millisecond, Sigma: 1, Slower: 2, Antagonists: max(servers*6/100, 1),
		Delay: 100 * time.Microsecond, Deadline: time.Second,
		Warmup: warmup(servers, clients), Window: 30 * time.Second, Watch: -1,
	}
}
