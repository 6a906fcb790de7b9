// Package balancer is the load balancing policy freshet: it sends each call to
// the endpoint that is expected to answer first, judged by what servers report of
// their load on every response.
//
//	import "github.com/freshet-io/freshet/balancer"
//
//	opts := balancer.DialOptions(balancer.Config{})
//	opts = append(opts, grpc.WithTransportCredentials(creds))
//	conn, err := grpc.NewClient("dns:///directory.example.com:443", opts...)
//
// Importing the package registers the policy, so a service config from a
// resolver may name it, too: {"loadBalancingConfig":[{"freshet":{}}]}.
//
// # How it decides
//
// Servers that use package loadreport put a trailer on each response that holds
// their requests in flight and the latency at that level. The picker keeps
// the freshest reports, at most poolSize (16) and none older than reportExpiry
// (1 s), and takes the endpoint with the least expected time
//
//	service time x (requests in flight + 1)
//
// in which the client's own calls since the report count at once. This is the
// pool of Prequal (NSDI'24, section 4), fed by replies instead of probes, with
// a product instead of its hot-cold rule. Endpoints within half a service time
// of the best are equals, among which chance decides.
//
// With fewer than two fresh reports (few calls, or servers without loadreport) it
// takes the better of two random endpoints by the client's own
// measurements: the peak-EWMA of latency, with a time constant of ewmaDecay
// (10 s), times calls in flight plus one, as Finagle does. An endpoint
// without history gets one call at a time until the first has ended.
//
// A small share of calls goes to endpoints of which nothing was heard lately. So
// a slow server gets few calls, but some, and is used again when it recovers.
// [github.com/freshet-io/freshet/balancer/callstate] tells a call where it went,
// and by which rule; of calls that package interceptor/cache has a rule for, its
// Outcome does.
//
// # What counts as failure
//
// UNAVAILABLE, INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED and
// DATA_LOSS are failures of the server. They make its expected time up to 21
// times as long, and their latency is not taken for speed. Other errors are
// the caller's and CANCELLED is nobody's: their latency is only a lower bound.
// A stream counts as a call in flight while it is open; its duration is no
// latency. The policy knows a stream by the interceptors of [DialOptions] or by
// the report of its server: with neither, it takes a stream for a long call.
// A server that refuses calls which the others accept gains nothing by being
// fast: where reports decide, its expected time is taken to be no less than the average.
//
// # Endpoints, health, state
//
// The unit is the endpoint with all its addresses (gRFC A61), each under a
// pick_first of its own, which brings Happy Eyeballs and client health checking:
// an endpoint whose health service says anything but SERVING gets no calls, one
// without health service counts as serving. Only READY endpoints are
// picked; connectivity is aggregated, and without a READY endpoint calls are
// queued or failed, as by round_robin.
//
// What was learnt of an endpoint is kept under its set of addresses as long as
// the resolver returns that set, in whatever order and with whatever endpoint
// attributes, and across reconnects. An update without addresses is an error
// to the resolver and drops everything, as under round_robin, and so does a
// channel that goes idle (30 min without calls, unless told otherwise). An
// endpoint without addresses is left out.
//
// # Guarantees
//
// A pick takes no lock that calls share, and makes one allocation. A report that is malformed or
// absurd is dropped; no call fails because of one. A client of another policy
// ignores the reports, and servers without reports are served by the second rule.
//
// The gRPC packages that this one builds on (balancer, endpointsharding,
// pickfirst) are marked experimental by gRPC.
package balancer
