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
	return []Policy{
		{"oracle", "central, takes the server that is done first by the work that is left: the bound", sees(leastWork)},
		{"shortest_queue", "central, knows requests and speeds, but not sizes: the bound for any client", sees(shortestQueue)},
		{"freshet", "this module", makeFreshet(balancer.Config{})},
		{"round_robin", "grpc-go's", silent(func(f *Fleet) Client { return newRoundRobin(f) })},
		{"least_request", "gRFC A48, two choices by own calls in flight", silent(func(f *Fleet) Client { return newLeastRequest(f) })},
		{"peak_ewma", "Finagle's P2C with peak-EWMA", silent(func(f *Fleet) Client { return newPeakEWMA(f) })},
	}
}
