// Package origin is the server's half of freshet's cache: interceptors that say
// with each reply how long it may be reused, what groups it belongs to, and what
// the call has made untrue; and interceptors for the calls that handlers make in
// turn, so that what another server said is passed on.
//
//	o, err := origin.New()                       // rules: the annotations of linked-in services
//	server := grpc.NewServer(o.ServerOptions()...)
//	…
//	func (s *shop) GetProduct(ctx context.Context, req *shoppb.GetProductRequest) (*shoppb.Product, error) {
//		err := origin.SetCacheControl(ctx, "max-age=5") // shorter than the rule's, today
//		…
//	}
//
// A server without it can be cached too: clients apply the rules that they know
// themselves. What it adds is what only the server knows, for clients that know
// the rules or not: shorter lifetimes, further groups, and the writes that a
// call caused elsewhere.
//
// # What is said
//
// All but the first two goes into the trailer, which is sent when the handler has
// returned (as those two are where the handler has sent the header itself), and most
// under HTTP's names (RFC 9111, RFC 9110, RFC 9875):
//
//	etag                      by what the reply is known again: [SetETag], [NotModified],
//	                          or of itself: [WithAutomaticETags]
//	cache-not-modified        "1", with an empty message, where the caller has that reply
//
//	cache-control             with a reply of a method with a cache rule: max-age, the
//	                          rule's default_max_age in whole seconds, and private
//	                          under scope PRINCIPAL; or what [SetCacheControl] said
//	cache-version             the reply's version: [SetVersion]
//	cache-groups              with such a reply: the rule's groups, and those of [Groups]
//	                          and [GroupVersion]
//	cache-group-invalidation  with the end of a call that may have changed something:
//	                          the groups of the method's annotation, and of [Invalidate],
//	                          [InvalidateVersion] and [InvalidateSoft]
//
// A rule's lifetime of less than a second is left unsaid. So is stale_if_error:
// the client's rule grants it, and a reply could only shorten it. An error has
// no cache-control but the handler's own, or no-store if it lags behind what its
// caller asks for ([SetVersion]), and no groups.
//
// A write that ends in a definite failure (INVALID_ARGUMENT, NOT_FOUND,
// ALREADY_EXISTS, PERMISSION_DENIED, UNAUTHENTICATED, FAILED_PRECONDITION,
// OUT_OF_RANGE, UNIMPLEMENTED) invalidates only what [Invalidate] names. After
// any other error, and after a panic, it may stand: what its request names is
// invalidated, and everything where the reply would have named more. Methods
// that are neither NO_SIDE_EFFECTS nor assumed safe count as writes.
//
// # Everything
//
// Groups are sent as far as they fit: 128 of 256 bytes, which is what freshet's
// caches read, and 6 KiB in all, because many peers fail calls with more than
// 8 KiB of trailers. A reply in more groups is said to be no-store. A call that
// has made more groups untrue, or groups that cannot be told, invalidates every
// reply of this server: it sends
//
//	cache-group-invalidation: *
//
// which is a token, and so no group; a freshet cache takes an invalidation that
// it cannot read as a list of strings for one of all groups of the target.
//
// # Across hops
//
// A server that builds its replies from those of other servers owes them their
// limits. With [Origin.DialOptions] on the channels that it calls out with,
// before those of a cache,
//
//	opts := append(o.DialOptions(), cache.DialOptions()...)
//
// every call whose context comes from a handler's context, in whatever
// goroutine, counts as part of that handler's call:
//
//   - A call of a method without side effects lends its groups and its limits to
//     the reply that is being built: what is left of its lifetime (by
//     cache-control and age, by the rule that this server knows of it, and by the
//     ttl that a cache in between says in cache-status; the smallest counts),
//     no-store, no-cache, private, must-revalidate and stale-if-error. Hits count
//     like misses: the cache keeps what was said. A method without a rule, whose
//     server says nothing, sets no limit.
//   - A call that may have changed something has made the same groups untrue here
//     as there: those that its server names, whatever its status, and those of
//     its annotation under the rules for writes above, for a server that says
//     nothing. Where they cannot be read or told, all groups of this server are
//     untrue.
//
// A downstream's group g is called downstream/g here, by the target that it is
// dialled by or by the name that [WithDownstreamPrefix] gives; what is too long
// is hashed. Every replica of a server must come to the same names.
//
// What follows from this, and where it ends:
//
//   - A reply whose downstream calls leave it less than a second is max-age=0.
//   - A write that failed definitely, on a channel whose service config has gRPC
//     retry it, counts as one in doubt: an earlier attempt may have taken effect.
//   - Replies of methods that count as writes are lent nothing.
//   - A failed downstream read of a method with a rule counts as a reply with a
//     lifetime of zero, unless its server gave the error one: what a handler
//     falls back to is not to be reused. A read that the handler itself gave up
//     (CANCELLED) counts for nothing.
//   - A reply built from a private one is private, whatever its own rule's scope.
//     Scope PRINCIPAL of a downstream rule says private.
//   - A stream's groups come with its end. Those of one that the handler leaves
//     before its end are not known.
//   - Calls still under way when the handler returns count for nothing, but for
//     annotated writes: their requests' groups are invalidated.
//   - A write in doubt is told of at the end of its call. If it commits later,
//     what was read meanwhile is bounded by its lifetime alone.
//   - A write that a method without side effects makes is lost on clients, who
//     heed no invalidation on such replies; it is logged.
//   - What a handler does not want to count, it calls with a context that is not
//     derived from its own.
//   - vary is not passed on: which of its callers' metadata a server hands on is
//     for its own rules to say.
//   - A cache in another replica of the server is not told.
//
// # When it fails
//
// Nothing here fails a call. What cannot be said is left out on the side of less
// reuse, and logged once a cause and method.
package origin
