// Package plan puts the parts of the policy together: it decides, step by step,
// which of a channel's endpoints gets a call, on plain numbers and time.
//
//	channel := plan.NewChannel(seed, observer)  // what outlives the changes below
//	p := channel.Plan(params, members, totals)  // at each change of what is ready
//	pick, ok := p.Pick(now, r, plan.Call{})
//	...
//	p.Finish(now, pick, end)
//
// # The steps
//
//  1. Priority: a tier gets the call, by how well each is ([locality.Split]).
//  2. Zone: the call stays in the client's own, unless that is hotter than the
//     others by a margin ([locality.Spill]).
//  3. Ejection: endpoints that fail or are slow beyond the others get none, but
//     single calls from time to time ([eject.Group]); so do those that drain. In
//     a panic, when too few are left, ejection is ignored.
//  4. Cap: an endpoint takes no more calls of this client at a time than allowed.
//  5. Affinity: a call with a key goes to the first endpoint in the key's order that
//     has no more than its bounded share of the calls in flight ([affinity.Ring]).
//  6. Score: otherwise the least expected time decides ([choose.Set]).
//
// Subsetting comes before all of them: endpoints outside of the subset are not
// connected, and so are not members.
//
// Steps 3 and 4 are conditions on what 5 and 6 choose. A choice that does not meet
// them, or that has failed the call before, is made again among those that do; where none
// does, a random endpoint is taken that fails only conditions which are a matter of
// preference. Only the cap is absolute: where all are at theirs there is no pick, and
// the caller waits for the end of another call.
//
// An endpoint in slow start, or on its way back after ejection, is rationed to its
// share of the calls.
//
// # Cost
//
// A pick takes no lock and allocates nothing, but for the first one with a key
// after a change of members, which builds their ring. Once per interval the
// end of a call, or a pick, judges the endpoints against each other, in linear time.
package plan
