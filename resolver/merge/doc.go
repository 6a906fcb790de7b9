// Package merge makes one list of endpoints of several targets: two regions, a
// name service and a file of additions, an old cluster and its successor.
//
//	b, err := merge.New("search", []merge.Source{
//		{Target: "dns+poll:///search.eu.example:443"},
//		{Target: "file:///etc/search/additions.yaml"},
//	})
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient("search:///search.example", grpc.WithResolvers(b), …)
//
// # How it decides
//
// The list is the union of the sources' latest lists. An endpoint is its set of
// addresses; where several sources have it, the first source's attributes count.
// The service config is that of the first source that has one, and so are the
// attributes of the state.
//
// The first list waits until each source has said something, a list or an error,
// but at most 1 s: a client that starts while one source is slow shall neither
// wait for it nor have all its calls go to half of the servers for long.
//
// # When a source fails
//
// An error takes nothing away: the source's last list stays in the union, and
// the error is logged, when it begins, when another one takes over (at most once
// a minute) and when it ends, by grpclog at the level ERROR. Errors go to the
// channel only while no source has a list.
//
// An empty list is believed: that source has no endpoints now, and is told
// [balancer.ErrBadResolverState], as most policies would tell it, so that a
// resolver that polls asks again. When all are empty the channel is told so.
// Who does not believe empty lists wraps a source's builder, or this one, by
// package keep.
//
// Everywhere else a source is told what the channel says of the list that it
// gave rise to.
//
// # Who the servers are
//
// The channel's authority, by which TLS verifies every server, is what the
// channel's own target names: search.example above. If that is empty
// ("search:///"), or the first source resolves the channel's own target, it is
// the authority that the first source would have on a channel of its own.
//
// # Guarantees
//
// Lists are sorted and each endpoint is there once; a state that says nothing
// new is not handed on, unless the channel has refused it or was told of an
// error since. Hints to resolve again go to all sources. There is no goroutine
// but those of the sources, and one timer in the first second; Close ends all.
// All functions may be called concurrently.
package merge
