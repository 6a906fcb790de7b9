// Package conns holds one connection to each endpoint of a channel, and tells a
// policy which of them are READY. It stands where endpointsharding with its
// pick_first children stands in grpc-go's policies, and costs in proportion to the
// number of endpoints where that costs its square.
//
//	m := conns.New(cc, opts, conns.Hooks[State]{Publish: func(s conns.Snapshot[State]) {
//		cc.UpdateState(balancer.State{ConnectivityState: s.Aggregate, Picker: pickerOf(s)})
//	}})
//	err := m.Update(resolverState.Endpoints, nil) // in UpdateClientConnState
//	m.ResolverError(err)                          // in ResolverError
//	m.ExitIdle()                                  // in ExitIdle
//	m.Close()                                     // in Close
//
// # Endpoints
//
// An endpoint is its set of addresses (gRFC A61), each by Addr and ServerName. A
// re-resolution in another order, with other attributes, or with repetitions is the
// same endpoints: it opens no connection and publishes nothing, unless attributes of
// a READY endpoint have changed, which the next snapshot has. What a policy has
// learnt of an endpoint hangs on it by pointer ([Leaf].Learnt), through reconnects
// and attribute changes, until the resolver no longer returns it.
//
// Attributes of an address belong to the connection: new ones are used from the
// next connection on. pick_first would drop a good connection for them at once.
//
// An endpoint may be switched off, for a lower priority or one outside of a subset:
// by the second argument of [Manager.Update], or by [Manager.Switch] at any time, also
// from within Publish. Switching off and removal take the endpoint out of the
// snapshot first and shut the subchannel down then, so that no call can pick it any
// more, and gRPC lets those in flight finish.
//
// # Connections
//
// An endpoint of one address has one subchannel, which connects at once, reconnects
// at once when a connection is lost (GOAWAY included), and after gRPC's backoff when
// an attempt has failed. It then counts as failed until it is READY (gRFC A62). It is
// READY when the channel's health check says so (gRFC A17); without
// healthCheckConfig, or at a server without health service, when it is connected.
// An endpoint of several addresses has a pick_first, with its Happy Eyeballs. The
// addrConn below asks the resolver at each loss and failure by itself.
//
// Why not pick_first for all? CPU time for 100, 1000 and 3000 endpoints of one
// address to become READY on a channel without network (2 cores of a Xeon, medians of
// BenchmarkStart):
//
//	own subchannels        0.4 ms    3 ms      7 ms     1.1 KB, 13 allocations each
//	pick_first for all     0.9 ms    9 ms     27 ms     4.0 KB, 44 allocations each
//	round_robin            2.6 ms  173 ms   1715 ms
//
// So pick_first is linear here, too, and affordable: the square was endpointsharding's.
// The own subchannel is chosen for its being four times as cheap in time and memory,
// for handing the policy a subchannel instead of another picker to call, and
// because publications can be made from its events, where pick_first holds a lock.
// A property test drives it and a pick_first through the same events, which must
// show the same.
//
// # Publication
//
// The first READY endpoint is published at once, and so is an update of the resolver;
// the loss of an endpoint at once, and if another publication was less than 1 ms ago,
// after that; everything else 5 ms after the last publication, or at once if that is
// longer ago. With more than 25 READY endpoints the 5 ms grow (200 us each, up to
// 100 ms), and with more than 500 the 1 ms (2 us each, up to 10 ms). So
// 3000 endpoints that come up at once take 3 publications, and one after the other in
// 3 s fewer than 60. A picker that still has a lost subchannel fails no call: gRPC
// takes the call back (with a zero DoneInfo) and picks anew from the next picker.
//
// # Connectivity and failure
//
// The channel is READY if an endpoint is, else CONNECTING if one is, else
// TRANSIENT_FAILURE with the error and the address of the endpoint that failed last.
// Endpoints that are switched off do not count; if all are, the channel is IDLE.
// Without endpoints it is TRANSIENT_FAILURE with the resolver's error, and Update
// returns balancer.ErrBadResolverState, which makes the resolver try again. While
// there are endpoints, an error of the resolver changes nothing.
//
// # Guarantees
//
// Publish runs in one goroutine at a time, without a lock of this package, and not
// after Close has returned. There is no goroutine but that of one timer, which Close
// stops. Nothing blocks but Close, which waits for a Publish under way.
package conns
