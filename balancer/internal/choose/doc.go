// Package choose decides which endpoint gets a call, on plain numbers and time.
//
//	set := choose.NewSet(params, pool, endpoints) // once per change of the ready ones
//	i, rule := set.Pick(now, rand.Uint64())
//	endpoints[i].Begin(now)
//	...
//	if endpoints[i].Finish(now, end, &params) {
//		pool.Offer(endpoints[i])
//	}
//
// # How it decides
//
// An endpoint that has reported has an expected time
//
//	(3 x overhead + service x (others + own + 3)) x (1 + 20 x failed)
//
// Service is the latency that the server reports (package service); others
// is the number of requests in flight that it reports, less the client's own
// that were among them, which with the age of the report moves to what that number was on average;
// own are the client's calls in flight now, so that a pick
// counts at once and its end, too. Overhead is by how much the lower envelope of
// the latencies that the client saw exceeds the reported one: the network, and
// what a server leaves out of its reports. Failed is the recent share of calls
// that failed. Prequal (NSDI'24) ranks by hot and cold instead of by product.
//
// Compared are two random endpoints and at most 16, by default 4, that reported last ([Pool]).
// The pick is random among all that are within 5 % of the least cost, or 25 % where that is
// the cost of an idle server: estimates are no better than that, and always taking the least
// would send every call of an idle fleet to one server.
//
// A report without latency, such as that of an ORCA server that serves nothing, is taken to
// have the average one, by the client's own measurements if nobody reports any. A
// server that serves calls without reports for 3 minutes (gRFC A58) counts as one that
// never reported.
//
// Where none that is compared has ever reported, the rule is two random choices, of
// which the cheaper is taken by
//
//	peak-EWMA of latency x (own + 1) x (1 + 20 x failed)
//
// as in Finagle and tower. An endpoint without history is free for its first
// call and prohibitive until that has ended, and while its failure is remembered:
// explored, not flooded. For the same reason an average does not decay while an
// endpoint that was picked within the last decay has calls in flight.
//
// # Exploration
//
// A pool that feeds on the replies of those it chooses would never learn of the
// others. So two random endpoints are compared at each pick, whether or not they have
// reported, and a report seems less bad with age. The time of one that never reported
// is taken to be the average of the others', scaled by the client's own
// peak-EWMA of them; one that was never called wins one pick in 16. And one pick in 256 goes to the endpoint, of up to 16 in a
// row from a random one, that was not picked for longest, if that is longer than a
// report lives and no call is under way there. A slow or failing server gets
// little, but its recovery is seen; a hung one gets one call at a time. Streams
// do not count as under way here, since they may stay open for days.
//
// # Failures
//
// A failed call is no latency sample, but a lower bound; it moves the share of
// failures, and it voids the endpoint's report. So failing fast attracts nothing.
// The latency of a call that its caller cancelled, or whose request deserved
// the error that it got, is only a lower bound, too. By as much as an endpoint
// refuses a larger share of its calls than the others with a report do, its
// expected time is moved up to their average. Averages over
// endpoints are harmonic, so that a time beyond measure weighs nothing in them.
//
// # What was tried
//
// In the simulation of examples/lab, 100 servers and 100 clients at 75 and 90 % load, seeds 1 to 5: p99
// as a multiple of that of a dispatcher that knows the work that is left everywhere, and probes per call.
//
//	rule                                                       75 %  90 %  probes
//	this                                                       1.30  1.39  0
//	service time x (RIF + 1), pool of 8, told the true
//	service time, which no server knows                        1.30  1.36  1
//	hot and cold (Prequal), pool of 8                          1.31  1.42  3
//	hot and cold (Prequal), pool of 16, as published           1.34  1.47  3
//	two choices by own peak-EWMA (Finagle)                     1.94  2.85  0
//	weights by utilization (gRFC A58)                          2.10  3.12  0
//	two choices by own calls in flight (gRFC A48)              4.66  7.28  0
//
// A dispatcher that knows all queues, but no sizes of requests, has 1.19 and 1.29. With 1, 2, 4, 8
// and 16 of the pool compared, this rule has 1.36, 1.32, 1.30, 1.30 and 1.30 at 75 % (seed 1).
// Where one of 100 servers lies about its load, hot and cold give it 3.4 to 3.9 % of the
// calls, weights 54 %, this rule 1.1 %; "service time x (RIF + 1)" without the floor, clamp and share
// of failures of this package 6.2 %, and 35 % to one that fails in 0.1 ms.
package choose
