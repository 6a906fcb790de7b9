// Package subset wraps a resolver so that a channel gets a few of its endpoints,
// always the same as far as possible: with 1000 clients of 1000 servers, each
// server then has 20 connections to look after instead of 1000.
//
//	b, err := subset.Wrap(resolver.Get("dns"), 20, subset.WithClient(podName))
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient("dns:///search.example:443", grpc.WithResolvers(b), …)
//
// # How it decides
//
// By rendezvous hashing (Thaler and Ravishankar, 1998): every endpoint has a
// score, the SHA-256 of the client's name and the endpoint's addresses, and the
// highest win. The choice depends on nothing else, so that it is the same after
// a restart, in any order of the list and in any process; an endpoint that
// leaves is replaced by one other, and one that arrives replaces at most one.
// This is the choice of gRFC A68 (random_subsetting), at the resolver instead
// of in a policy, with a name for a seed.
//
// Clients choose independently of each other, so that the number of clients of a
// server has a binomial distribution: with 1000 clients and subsets of 20 out of
// 1000, about 20 ± 4.4. A balancer that looks at load makes good for that within
// a subset, but not between servers that no client has in common: choose 20 or
// more. Two clients of one name choose the same, thus name them apart; a
// fleet in which every client has the same name uses no more than one subset.
//
// # Tiers and departures
//
// Each failover tier has a subset of its own, of the full size, or there would be
// nothing to fail over to (see [endpoint.Priority]). Endpoints that are draining
// do not fill places: those with a score high enough stay in the list, so that a
// policy can finish what they are doing, and others come in for them
// beforehand. Weights and zones are handed on and have no influence.
//
// A state without addresses passes as it is; the xds resolver's has none, since
// its policy finds the endpoints, and is not cut down here.
//
// # Guarantees
//
// Lists are sorted and each endpoint is there once; a state that says nothing
// new, as when an endpoint outside the subset comes or goes, is not handed on,
// unless the channel has refused it or was told of an error since. Service
// config, attributes, errors and the channel's answers pass through, and hints
// to resolve again go to the inner resolver. There is no goroutine and no
// timer. All functions may be called concurrently.
package subset
