// Package virtual runs the policy freshet without gRPC and in virtual time, for
// simulations: the code that decides is the code that runs in a channel.
//
//	client, err := virtual.NewClient(balancer.Config{}, 100)
//	server := virtual.NewServer() // one of the 100
//	...
//	i := client.Pick(now, rng.Uint64())
//	call := server.Begin(now)                // when the request arrives there
//	report := server.End(later, call, true)  // when the reply leaves
//	client.Done(later, i, now, virtual.Done{Code: codes.OK, Report: report})
//
// A [Client] is one channel, with the state that a channel keeps of its endpoints,
// and a [Server] is what package loadreport measures in a server. What lies
// between the two, the network, queues and the work itself, is the simulation's.
//
// Time is what the caller says it is: a duration since the beginning of
// the simulation, which must not go backwards. Chance is what the caller passes
// in. So a simulation with a fixed seed gives the same result every time.
//
// Nothing here is for production: a program that wants the policy names it in its
// service config (see package balancer).
package virtual
