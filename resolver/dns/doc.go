// Package dns resolves a target by the domain name system and keeps asking:
// dns+poll:///search.example:443?interval=10s. It is for names whose addresses
// come and go, such as those of headless services in Kubernetes, or SRV records.
//
//	import _ "github.com/freshet-io/freshet/resolver/dns"
//
//	conn, err := grpc.NewClient(
//		"dns+poll:///search.example:443?interval=10s",
//		append(balancer.DialOptions(balancer.Config{}),
//			grpc.WithTransportCredentials(credentials.NewTLS(nil)))...,
//	)
//
// The import registers the scheme. Without it gRPC takes the whole target for a
// DNS name. [NewBuilder] with grpc.WithResolvers does without the registration.
//
// gRPC's own scheme, dns, asks again only when a connection has failed. Servers
// that are added get no calls until then, which may be never, and a failing name
// service can take the list away. This one asks every interval, and keeps the
// last good list.
//
// # Targets
//
//	dns+poll:///host:port          A and AAAA records of host; without a port 443
//	dns+poll:///_grpc._tcp.host    SRV records, which name the ports
//	dns+poll:///name?srv=1         SRV records of a name that has not that form
//	dns+poll://10.0.0.53:53/host   the same, asking that server; without a port 53
//
// A literal IP address is not looked up. Without a server in the target the names
// are the system's to resolve, with its hosts file and search domains; a name that
// ends with a dot is not searched for. The options:
//
//   - interval: the time between two lookups, 30s by default, between 1s and 24h.
//   - jitter: the fraction by which an interval is shortened at random, 0.2 by
//     default, between 0 and 1, so that clients do not ask in step.
//   - min_interval: the least time from one lookup to the next, 5s by default, or
//     the interval if that is shorter; between 1s and the interval.
//   - timeout: what a lookup may take with all its queries, 10s by default,
//     between 100ms and 5m.
//   - empty: keep, the default, or drop: see below.
//   - srv: 1 or 0, by default whether the name begins with _service._proto.
//   - authority: see below.
//
// Everything else is refused, every fault in one sentence. gRPC builds resolvers
// lazily, so that a bad target is answered by the first call, as UNAVAILABLE with
// that sentence; [Parse] says it beforehand.
//
// # Endpoints
//
// Each address of a host is an endpoint, A and AAAA alike. The target of an SRV
// record is one server: where it has at most one address of either family, it is
// one endpoint with both, the IPv6 address first (RFC 8305, section 4), else each
// address is one. SRV priorities become failover tiers, the lowest 0, the next 1
// and so on (see package endpoint); SRV weights become gRPC's endpoint weights,
// where 0 counts as 1. Weights that are equal throughout a tier are left out:
// CoreDNS gives all members a share of 100 there, which changes with their number
// and says nothing. TXT records with a service config are not read.
//
// # When it asks
//
// At the start, then every interval. ResolveNow, which gRPC calls when a connection
// fails, brings the next lookup forward, to no earlier than min_interval after the
// last, and by up to jitter × min_interval later, since many clients may see the
// same server fail. After a lookup that failed, or a list that the policy refused,
// the next comes after 1 s, 2 s, 4 s and so on, within min_interval and interval.
//
// # When it fails
//
// Each query stands for itself: if the one for AAAA records times out, or the
// one for one of many SRV targets, its own last answer is used again. If there is
// no list in the end, the last good one stays.
//
// An empty answer, which a name that does not exist is too, keeps the last good
// list as well, since it fails every call and is mostly the sign of a name service
// that has lost its own source. With empty=drop it is believed, and published.
//
// Errors go to the channel only before the first good list. Failures are logged
// when they begin, when another one takes over (at most once a minute) and when
// they end, by grpclog at the level ERROR: the only one that it prints unless told
// otherwise, and a failure whose end stayed unseen would be believed to last. (A
// channel that has gone idle, after 30 min without calls unless told otherwise,
// closes its resolver, and the list goes with it.)
//
// # Who the servers are
//
// TLS verifies every server against the channel's authority, and calls carry it
// as :authority: the option authority, or the host as the target has it, with its
// port, without _service._proto. What SRV records name is not trusted with it
// (RFC 9525, section 6.1). grpc.WithAuthority, and a server name in the
// transport credentials, override the option.
//
// # Guarantees
//
// The list is sorted, each endpoint is there once, and one that is the same as
// before is not published again. One goroutine per channel, which Close ends and
// waits for; the queries of a lookup, at most 16 at a time, end before it goes on.
// (A lookup by the C library, where Go makes use of it, cannot be interrupted: its
// answer is waited for no longer, but the thread is.) State.Addresses holds all
// addresses for policies that read only that. All functions may be called
// concurrently.
package dns
