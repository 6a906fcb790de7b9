// Package virtual runs the policy freshet without gRPC and in virtual time, for
// simulations: the code that decides is the code that runs in a channel.
//
//	client, err := virtual.NewClient(balancer.Config{}, 100, seed)
//	server := virtual.NewServer() // one of the 100
//	...
//	pick, ok := client.Pick(now, rng.Uint64(), virtual.Call{})
//	server.Begin()                             // when the request arrives at pick.Endpoint
//	report := server.End(later, arrived, true) // when the reply leaves
//	client.Done(later, pick, virtual.Done{Code: codes.OK, Report: report})
//
// A [Client] is one channel: all that the policy decides for it, and all that it
// keeps of its endpoints. Ejection, panic and probation, slow start, draining, push-back,
// caps, zones and priorities, affinity, the avoidance of what a call has failed on, and the
// wish for probes are those of a real channel; so is the configuration. What is left out is gRPC: connections and their states, which the
// simulation has to tell ([Client.SetReady]), and subsets, which it has to choose.
// A [Server] is what package loadreport measures in a server. Reports go through their
// wire form. What lies between the two, the network, queues and the work itself, is the
// simulation's.
//
// Time is what the caller says it is: a duration since the beginning of
// the simulation, which must not go backwards. Chance is what the caller passes
// in. So a simulation with a fixed seed gives the same result every time.
//
// Nothing here is for production: a program that wants the policy names it in its
// service config (see package balancer).
package virtual
