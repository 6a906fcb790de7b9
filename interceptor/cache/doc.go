// Package cache is a gRPC response cache for clients: interceptors that answer
// unary calls from stored replies, as far as each method's declared policy
// allows, and never further.
//
//	c, err := cache.New()                    // rules: the annotations of linked-in services
//	…
//	defer c.Close()
//	conn, err := grpc.NewClient(target, append(c.DialOptions(), creds)...)
//	client := shoppb.NewCatalogClient(conn)
//	product, err := client.GetProduct(ctx, req)            // hit, or the origin's reply
//	product, err = client.GetProduct(ctx, req, cache.NoCache()) // the origin's reply
//
// Only methods with a cache rule are touched; see package cachepolicy for rules.
// All other calls pass, but for one thing: the invalidations that their replies
// carry are heard.
//
// # How a call is answered
//
// The request's key is looked up, and one pure function, [cachepolicy.Decide],
// says whether what is stored may be used. If it may, the caller's message is
// decoded from the stored bytes, the caller's grpc.Header, grpc.Trailer,
// grpc.Peer and grpc.OnFinish options are served, and no stream is opened: the
// balancer is not asked. The peer of a hit is an address of network "freshet"
// with the text "cache". A reply larger than the call may receive fails as it would from
// the network; what the service config says of that is applied to replies of 4 KiB or more.
//
// Otherwise the origin is asked, once for all callers who want the same thing at
// the same time: such calls are collapsed into a flight, which has a context and
// a message of its own. Every caller keeps its own deadline; the cancellation of
// one harms nobody else; when nobody is left the flight is cancelled, unless its
// last caller was given a stale reply: then it goes on for the store's sake, at
// most for its maximum age ([WithFetchTimeout]). A caller that can neither be
// cancelled nor be given a stale reply makes the call in its own goroutine. A caller does not accept a reply
// from before an invalidation that this cache had applied when the call began,
// nor one that may not be shared or is no longer fresh; it asks again, at last
// alone. After a reply that could not be shared, callers of the same key do not
// wait for each other for 10 s. Of errors only those are shared that a server
// sent, and not those of identity, size or time: whatever fails on this side may
// be of one caller's making.
//
// A stored reply that has an etag and may not be used without asking is offered for
// validation (if-none-match): a server that answers cache-not-modified makes it good
// for another lifetime, and only the answer crosses the network. What has been
// invalidated is not offered, and if that happens meanwhile the call is made once more
// without the condition. A validation leaves the store alone unless it says something
// new of the reply.
//
// # Stale replies
//
// A rule may grant the use of a reply past its lifetime, and a server may shorten what is
// granted:
//
//   - stale_while_revalidate: it is served at once, while one call in the background
//     fetches the next. With eager_refresh that begins before the lifetime ends.
//   - stale_if_error: it is served after UNAVAILABLE (dial failures and no ready
//     subchannel included), INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED,
//     after the rule's soft_timeout, and at the latest 5 ms before the caller's own
//     deadline. A key whose last fetch failed, and every key of a target whose last three
//     calls did (UNAVAILABLE, DEADLINE_EXCEEDED), is served at once from then on, and
//     asked for in the background.
//   - stale_if_overloaded: it is served for a second after a server has answered
//     RESOURCE_EXHAUSTED, or the policy freshet has found too few endpoints well or all of
//     them overloaded by their own word (callstate.State.Strained).
//
// Calls in the background back off while they fail: 1 s, doubling up to 30 s, a quarter of
// it at random, and as long as google.rpc.RetryInfo or gRPC's push-back asks, up to 5
// minutes. A target whose calls all fail is asked every 5 s nonetheless, for one of its keys,
// and when it answers again no key waits for its turn. At most 64 are under way at once. By [MaxStale] a call itself accepts a reply that a
// server has given a shorter lifetime than the rule's max_age.
//
// # Errors and batches
//
// Under negative_max_age an error of negative_codes that a server has sent is kept like
// a reply, with its details. Any error that says for good that there is no such reply
// ends what was stored.
//
// Of a batch method, each item is judged, stored and invalidated as the reply of a call
// for it alone would be; a call asks for those that are missing. The reply has the
// items in the order of the ids, an id that is asked for twice twice. An id without
// an item is asked for again, unless the rule keeps NOT_FOUND. A reply that is more than
// its items is its caller's alone, and not stored.
//
// # How freshness stays true
//
// Age counts from the start of the request that fetched a reply, on the
// monotonic clock (on Linux it stands still while the machine is suspended, and
// every bound with it). A server may shorten a lifetime by cache-control, never
// lengthen it past the rule's max_age.
//
// A write makes groups of replies untrue at once, however many are stored: an
// invalidation raises a clock, an entry remembers the clock as it stood before
// its request was sent, and it is valid while none of its groups was invalidated
// since. So a reply that was on its way when the invalidation came is never
// reused. Invalidations come from three places:
//
//   - calls through this cache of methods annotated with invalidates, before the
//     caller learns of their end. After an error that does not say whether the
//     write took effect, replies of its groups are returned and not stored for
//     10 s ([WithWriteDoubt]); groups that only the lost reply could have named
//     are all groups of the target;
//   - cache-group-invalidation in the header or trailer of any reply, stream or
//     unary, of a method that is not known to be safe (RFC 9875);
//   - [Cache.Invalidate] and [Cache.InvalidateSoft].
//
// A soft invalidation makes a reply stale, and its windows count from its fetch.
//
// An invalidation may carry the least version that is still true. It spares replies of at
// least that (cache-version), and a reply below it comes from a replica that lags
// behind: it is not stored, and asked for once more, on another endpoint where the policy
// freshet is in use, within a fifth of a target's calls. If that does not help it is
// returned with [Outcome.Lagging]. An older version does not replace a stored one
// either. Where there are no versions, hold_off keeps replies to requests from shortly
// after an invalidation out of the store.
//
// Groups belong to the target of the channel they were heard on, by its canonical
// name: two spellings of one fleet are two targets. Cache.Invalidate alone reaches
// all of them.
//
// # Who sees what
//
// Under scope PRINCIPAL, the default, a reply is shown only to the principal
// whose call fetched it, as [WithPrincipal] names it; without an extractor
// nothing is cached. Under PUBLIC it is shown to everybody. A caller owns its
// message, unless the rule says shared_reply: then what lies within one that comes
// from memory is everybody's, and read-only; [WithMutationCheck] finds who changes it.
//
// # Two tiers
//
// Replies are kept as bytes, of which the garbage collector sees little. From 8 MiB on an eighth of
// the cache holds the hottest ones decoded as well: a hit there is a copy, for a third of
// what decoding costs. Batches, and calls with a codec of their own, do not use it.
//
// # What is never reused
//
// Errors that the rule does not keep; replies marked no-store, no-cache without an
// etag, or under PUBLIC private; replies
// that vary by something that the rule does not name; replies whose directives,
// vary or groups are malformed; replies in more than 128 groups. A call whose
// codec is not protobuf's passes the cache by, as does one that carries its own
// if-none-match, and one whose grpc.PerRPCCredentials may be what the rule tells
// callers apart by: under PRINCIPAL when the extractor names nobody, and when
// they may supply metadata that the rule varies by.
//
// # When the cache fails
//
// A store that fails, panics, hangs or returns damaged bytes costs a miss, which
// is counted. No call fails because of the cache that could have gone through.
//
// # Telemetry
//
// Each call of a method with a rule has a span "cache pkg.Service/Method", hit
// or not, with freshet.cache.result, freshet.cache.age (seconds), freshet.endpoint
// (the server that the reply came from, now or when it was fetched),
// freshet.cache.collapsed and freshet.cache.detail where they apply, rpc.method,
// rpc.system.name, and on error rpc.response.status_code. The metrics:
//
//	freshet.cache.lookups   counter, {lookup}   by freshet.cache.result and rpc.method
//	freshet.cache.duration  histogram, s        likewise
//
// The result is hit, stale, validated, miss, collapsed, bypass or error. [Report] tells one
// call the same, and the caller's header has a cache-status (RFC 9211).
//
// otelgrpc is a stats handler and sees what crosses the network: a hit has the
// cache's span and none of otelgrpc's, and a miss has both, the call's below the
// cache's. grpc's own stats/opentelemetry counts calls in an interceptor: give
// its dial option before the cache's, and hits are counted as calls without
// attempts; after it, they are not counted at all.
//
// # Order of interceptors
//
// What decides who calls, what is sent and how long to wait goes before the cache:
// auth, tenant, language, deadlines. The cache cannot see what is added behind it:
// metadata that is set there is neither part of the key nor visible to
// [WithPrincipal], and replies for one caller would be given to another. What deals with attempts goes behind: retries, hedging,
// logging of what is sent. An interceptor behind the cache that changes replies
// changes those of the caller that fetched, and not what is stored. One that
// makes several attempts at once must give each its own header, trailer, peer and
// reply, and hand over the winner's when all have ended.
//
// A mutation that gRPC itself retries (retryPolicy) may have written in an earlier
// attempt although its last one failed definitely. Attempts are counted by the
// policy freshet; under another one any retryPolicy of the service config counts
// as a retry, and one of an xDS route is not seen.
package cache
