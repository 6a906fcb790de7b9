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
// Step by step, for each call (package internal/plan):
//
//  1. Priority. Endpoints have a failover tier (package resolver/endpoint). The first
//     one gets all calls while at least 71 % of its endpoints are well; below that the
//     next ones take over in proportion, as in Envoy. All tiers are connected, so that
//     failover waits for no connection.
//  2. Subset. With Config.Subset the channel connects to that many endpoints only, the
//     same ones after each restart.
//  3. Zone. With Config.Zone, or FRESHET_ZONE in the environment, calls stay in the
//     client's zone until that is hotter than the others by a margin. Then as many
//     leave as bring it back to the margin.
//  4. Ejection. Endpoints that fail a row of calls, or a larger share of them than the others,
//     or are far slower, get none for a while, then single ones, then more
//     and more. In a panic, when most endpoints are unwell, ejection is ignored.
//     Draining endpoints get no new calls: those that say so in their reports
//     ([github.com/freshet-io/freshet/balancer/loadreport.Reporter.Drain]), that the resolver says so of,
//     that send GOAWAY, or whose health service does not say SERVING.
//  5. Cap. With Config.MaxConcurrentCalls, calls beyond it wait for another to end.
//  6. Affinity. A call with a key (callstate.State.SetAffinity) goes to the key's endpoint,
//     or to the next in the key's order if that one has more than its bounded part of the calls.
//  7. Score. All others go to the endpoint with the least expected time.
//
// New endpoints, and those that were away for more than a second, get their share gradually.
// A call that is tried again avoids the endpoints that failed it, while another is ready.
//
// # The score
//
// Servers that use package loadreport put a trailer on each response that holds
// their requests in flight and the latency at that level. The picker keeps
// the freshest reports, at most poolSize (4), and takes the endpoint with the least
// expected time, which grows with both, and
// in which the client's own calls since the report count at once. This is the
// pool of Prequal (NSDI'24, section 4), fed by replies instead of probes, with
// a product instead of its hot-cold rule. Servers that do not use loadreport but send
// ORCA reports (gRFC A51) are judged by those.
//
// Where too few reports come with responses, at the start and at low rates, it asks servers
// for one on the same connection, at most once for ten calls. Servers answer that if
// loadreport.Reporter.Register, or any ORCA service, is registered.
//
// Without reports it takes the better of two random endpoints by the client's own
// measurements: the peak-EWMA of latency, with a time constant of ewmaDecay
// (10 s), times calls in flight plus one, as Finagle does. An endpoint
// without history gets one call at a time until the first has ended.
//
// A small share of calls goes to endpoints of which nothing was heard lately. So
// a slow server gets few calls, but some, and is used again when it recovers.
// [github.com/freshet-io/freshet/balancer/callstate] tells a call where it went,
// and by which rule; of calls that package interceptor/cache has a rule for, its
// Outcome does. [Snapshots] explains what the policy thinks of each endpoint.
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
// The unit is the endpoint with all its addresses (gRFC A61). One with a single address
// has a subchannel of its own; one with more has a pick_first, which brings Happy Eyeballs.
// With client health checking, an endpoint whose health service says anything but SERVING
// gets no calls, and one without health service counts as serving. Only READY endpoints are
// picked; connectivity is aggregated, and without a READY endpoint calls are
// queued or failed, as by round_robin. Starting and changing costs time linear in
// the number of endpoints.
//
// What was learnt of an endpoint is kept under its set of addresses as long as
// the resolver returns that set, in whatever order and with whatever attributes,
// across reconnects, and for an hour while the channel is idle or
// has another policy. Changed attributes and configurations open no new
// connections. An update without addresses is an error
// to the resolver and drops everything, as under round_robin (package resolver/keep makes
// any resolver keep its last good list). An endpoint without addresses is left out.
//
// # Metrics
//
// Who uses gRPC's stats/opentelemetry has these (gRFC A79), without further code, with the label
// grpc.target: freshet.lb.picks by freshet.lb.rule, freshet.lb.ejections by
// freshet.lb.reason, freshet.lb.endpoints by freshet.lb.endpoint_state, and
// freshet.lb.probes by freshet.lb.result.
//
// # xDS
//
// A control plane chooses the policy as any custom one (gRFC A52): with a TypedStruct whose
// type_url ends in /freshet. Zones and priorities are then gRPC's own affair, which
// keeps them from its children.
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
