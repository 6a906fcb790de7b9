package policies

import "github.com/freshet-io/freshet/balancer"

// All returns the policies, in the order in which tables show them.
func All() []Policy {
	silent := func(client func(f *Fleet) Client) func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
		return func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
			return func(int) (Client, error) { return client(f), nil }, nil
		}
	}
	sees := func(cost func(View, int, float64) float64) func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
		return silent(func(f *Fleet) Client { return &allSeeing{view: f.View, rng: f.Random, cost: cost} })
	}
	heard := func(client func(f *Fleet) Client, meter func() Meter) func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
		return func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
			return func(int) (Client, error) { return client(f), nil }, func(int) Meter { return meter() }
		}
	}
	hotCold := func(size int) func(f *Fleet) (func(int) (Client, error), func(int) Meter) {
		return heard(func(f *Fleet) Client { return newPrequal(f, size) }, func() Meter { return new(prequalMeter) })
	}
	return []Policy{
		{"oracle", "central, takes the server that is done first by the work that is left: the bound", sees(leastWork)},
		{"shortest_queue", "central, knows requests and speeds, but not sizes: the bound for any client", sees(shortestQueue)},
		{"freshet", "this module", makeFreshet(balancer.Config{})},
		{"round_robin", "grpc-go's", silent(func(f *Fleet) Client { return newRoundRobin(f) })},
		{"weighted_round_robin", "gRFC A58, with reports on each response", heard(
			func(f *Fleet) Client { return newWeightedRoundRobin(f) }, func() Meter { return new(utilization) })},
		{"least_request", "gRFC A48, two choices by own calls in flight", silent(func(f *Fleet) Client { return newLeastRequest(f) })},
		{"peak_ewma", "Finagle's P2C with peak-EWMA", silent(func(f *Fleet) Client { return newPeakEWMA(f) })},
		{"prequal", "Prequal as published (NSDI'24): pool 16, 3 probes a call", hotCold(16)},
		{"prequal_8", "Prequal with a pool of 8", hotCold(8)},
		{"expected_time", "service time x (RIF+1), pool 8, 1 probe a call and replies; knows service times", heard(
			func(f *Fleet) Client { return newExpected(f, 8) }, func() Meter { return new(serviceMeter) })},
	}
}
