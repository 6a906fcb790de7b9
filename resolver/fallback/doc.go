// Package fallback resolves one target and falls back on a second: another
// region, a static list for the day on which the name service is down.
//
//	b, err := fallback.New("search",
//		fallback.Source{Target: "dns+poll:///search.eu.example:443"},
//		fallback.Source{Target: "dns+poll:///search.us.example:443"},
//	)
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient("search:///search.example", grpc.WithResolvers(b), …)
//
// # How it decides
//
// By default the channel has the primary's list as long as there is one, and
// else the secondary's. The primary fails when it reports an error or gives an
// empty list; when 10 s ([WithDelay]) have passed without a list from it since,
// the channel is given the secondary's. Until then it keeps the list it has. The
// primary's next list ends this at once.
//
// At the start, when there is nothing to lose, a primary that fails is not waited
// for; one that says nothing is, for the delay.
//
// This goes by what the name service says, not by whether servers answer. With
// [WithTiers] the channel is given both lists, the secondary's endpoints in failover
// tiers behind the primary's (see [endpoint.Priority]), and a policy that knows
// tiers, as freshet does, moves traffic as servers of the first tiers fail, and
// back. An error then takes nothing away, since the policy sees for itself whether
// the servers still answer; an empty primary leaves the list after the delay. An
// endpoint that both have is the primary's.
//
// # When both fail
//
// A list is never given up for nothing: without a secondary the channel keeps the
// primary's last list, and likewise a secondary that fails while it is in use.
// Errors go to the channel only while it has no list, and then those of both
// together. Failures of either are logged when they begin, when another one takes
// over (at most once a minute) and when they end, and so is each change between
// the two, by grpclog at the level ERROR.
//
// A source whose list is empty is told [balancer.ErrBadResolverState], as most
// policies would tell it, so that a resolver that polls asks again; one whose list
// is in use is told what the channel says of it.
//
// Service config and attributes of the state come with the list that is in use;
// with tiers they are the primary's, and the secondary's where it has none.
//
// # Who the servers are
//
// The channel's authority, by which TLS verifies every server, is what the
// channel's own target names: search.example above. If that is empty
// ("search:///"), or the primary resolves the channel's own target, it is the
// authority that the primary would have on a channel of its own.
//
// # Guarantees
//
// Lists are sorted and each endpoint is there once; a state that says nothing
// new is not handed on, unless the channel has refused it or was told of an
// error since. Hints to resolve again go to both sources, which both work from
// the start: what is tried only in need fails in need. There is no goroutine but
// those of the sources, and one timer while the primary fails; Close ends all.
// All functions may be called concurrently.
package fallback
