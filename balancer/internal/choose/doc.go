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
// An endpoint whose last report is no older than the expiry has an expected time
//
//	(overhead + service x (others + own + 1)) x (1 + 20 x failed)
//
// Service is the latency that the server reports for its level of load; others
// is the number of requests in flight that it reports, less the client's own
// that were among them; own are the client's calls in flight now, so that a pick
// counts at once and its end, too. Overhead is by how much the lower envelope of
// the latencies that the client saw exceeds the reported one: the network, and
// what a server leaves out of its reports. Failed is the recent share of calls
// that failed. Prequal (NSDI'24) ranks by hot and cold instead of by product.
//
// At most 16 endpoints are compared, those with the freshest reports ([Pool]).
// The pick is random among all that are within half a service time of the best:
// estimates are no better than that, and always taking the least
// would send every call of an idle fleet to one server.
//
// A report without latency, such as that of an ORCA server that serves nothing, is taken to
// have the average one, by the client's own measurements if nobody reports any. A
// server that serves calls without reports for 3 minutes (gRFC A58) counts as one that
// never reported.
//
// With fewer than two fresh reports, the rule is two random choices, of which
// the cheaper is taken by
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
// others. So endpoints without a fresh report compete, two random ones per pick:
// always while the reported ones hold less than half a request of others on
// average, when load tells little, and else in one pick of 16. Their time
// is taken to be the average of the reported ones, scaled by the client's own
// peak-EWMA of them. And one pick in 256 goes to the endpoint, of up to 16 in a
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
package choose
