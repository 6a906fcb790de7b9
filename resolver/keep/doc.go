// Package keep wraps a resolver so that a channel that has once had a list of
// endpoints does not lose it to an error or to an empty answer.
//
//	b, err := keep.Wrap(resolver.Get("dns"))
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient("dns:///search.example:443", grpc.WithResolvers(b), …)
//
// Most policies of gRPC close their connections when the list becomes empty, and
// fail every call although the servers of a moment ago still answer. An empty
// list is more often the sign of a name service that has lost its own source
// than of a service that nobody runs. A client that goes on with the last good
// list loses nothing: if the servers are gone, calls fail at the connections.
//
// # How it decides
//
// A good list is a state with at least one address. Before the first one
// everything passes, so that calls fail with the reason. After it:
//
//   - An empty list is held back, and the inner resolver is told
//     [balancer.ErrBadResolverState], as most policies would tell it, so that a
//     resolver that polls asks again.
//   - An error is held back.
//   - The next list ends it.
//
// For how long something may be held back has no bound unless [WithBound] sets
// one; at the bound the latest error or the empty list passes, and so does
// everything after it until there is a list again. What is held back is logged
// when it begins, when another reason takes over (at most once a minute), and
// when it ends, by grpclog at the level ERROR: the only one that it prints
// unless told otherwise.
//
// A state that has no addresses but attributes of its own is neither good nor
// empty: gRPC's xds resolver lets its policy find the endpoints. It passes, and
// with it everything that follows until there is a list. Thus wrapping xds
// changes nothing; it keeps its own last good resources.
//
// What is kept is kept for the life of the inner resolver. A channel that goes
// idle, after 30 min without calls unless told otherwise, closes it.
//
// # Guarantees
//
// Lists are sorted and each endpoint is there once; a state that says nothing
// new is not handed on, unless the channel has refused it or was told of an
// error since. The service config, attributes and the channel's answer to a
// state pass through, and hints to resolve again go to the inner resolver. There
// is no goroutine, and at most one timer, which ends with Close. All functions
// may be called concurrently.
package keep
