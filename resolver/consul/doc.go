// Package consul resolves a target to the healthy instances of a Consul service,
// and follows them: consul://127.0.0.1:8500/search. It asks Consul's HTTP API by
// blocking queries, and needs no Consul library.
//
//	import _ "github.com/freshet-io/freshet/resolver/consul"
//
//	conn, err := grpc.NewClient("consul:///search?tag=blue&dc=eu",
//		append(balancer.DialOptions(balancer.Config{}),
//			grpc.WithTransportCredentials(credentials.NewTLS(nil)))...,
//	)
//
// The import registers the scheme. Without it gRPC takes the whole target for a
// DNS name. [NewBuilder] with grpc.WithResolvers does without the registration,
// and takes options.
//
// # Targets
//
// consul://agent:port/service?option=value. The agent is the host and port of
// Consul's HTTP API, by default what CONSUL_HTTP_ADDR and CONSUL_HTTP_SSL say, or
// 127.0.0.1:8500; without a port it is 8500. The options:
//
//	tag        instances that have it; may be given more than once: all of them
//	dc         another datacenter, "" is the agent's own
//	near       a node, or _agent: the nearest come first
//	passing    true: only instances whose checks all pass (the default);
//	           false: those with a warning too
//	wait       how long Consul may leave a query unanswered, 1s to 10m: 1m
//	hold       how long an empty answer must stand to be believed, 0s to 24h: 1m
//	zone_meta  the key of metadata that holds a zone: zone
//	ns         namespace of Consul Enterprise
//	partition  admin partition of Consul Enterprise
//	tls        true: ask over TLS
//	authority  what TLS verifies of the servers and calls carry as :authority:
//	           service.service.consul, the name in Consul's DNS
//
// Everything else is refused, every fault in one sentence, as UNAVAILABLE to the
// first call; [Parse] says it beforehand. A token has no place in a target, which
// is shown in logs and by channelz: it comes from [WithToken], [WithTokenFile],
// CONSUL_HTTP_TOKEN or the file that CONSUL_HTTP_TOKEN_FILE names, and travels in
// the header X-Consul-Token. It needs the rights service:read and node:read.
//
// # Which endpoints
//
// An instance is an endpoint at the address of the service, or of its node if the
// service has none. Its weight for its health (Service.Weights) becomes gRPC's
// endpoint weight (google.golang.org/grpc/experimental/balancer/weight); a
// warning of weight 0 takes the instance out. Its zone is the locality of the
// service or of the node, or the metadata of the service or of the node under
// zone_meta ([github.com/freshet-io/freshet/resolver/endpoint.Info]). Instances
// that are critical or in maintenance are never endpoints, whatever the checks of
// the answer are filtered by. One with a malformed address or without a port is
// left out, and logged.
//
// Endpoints are sorted. With near they stand in Consul's order, which a policy
// that takes the first makes use of; that the order alone is another is no
// change.
//
// # When nothing is healthy
//
// It may be true, or a slip: a check that asks a dependency fails everywhere at
// once, and so do checks when the agents lose one another. The last list is kept
// for as long as hold says and believed to be gone after that; calls then fail
// with what was found. hold=0s believes at once.
//
// # When it fails
//
// A Consul that does not answer, answers nonsense or refuses changes nothing: the
// last good list stays for as long as that lasts. Before there is a list, calls
// fail with the reason, UNAVAILABLE, or wait for one if they are wait-for-ready.
// Queries are repeated after 1 s, 2 s and so on up to 30 s, of which half is
// random, or later if Consul says so, and ask for an answer at once. The log
// (grpclog, ERROR) tells a failure once it is the third in a row, and its end.
//
// # Following
//
// A query carries the index of the last answer, and Consul leaves it unanswered
// until that has changed or the wait is over; no answer 10 s after that is a
// failure. An index that goes backwards, as after a restored snapshot, is
// forgotten; one of 0 reads as 1. When answers come without end there is one
// query a second, after the first 4. At most 64 MiB for an answer.
//
// # Guarantees
//
// Lists have no address twice, and are published only when they differ from the
// last. A list that the policy refuses is offered again after 1 s, 2 s and so on
// up to 2 min. Two goroutines per channel and one connection to Consul, all of
// which Close ends, in the midst of a query too. (A channel that has gone idle,
// after 30 min without calls unless told otherwise, closes its resolver.)
// ResolveNow does nothing. All functions may be called concurrently.
package consul
