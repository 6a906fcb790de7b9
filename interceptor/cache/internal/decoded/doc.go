// Package decoded is the small tier in front of a store of bytes: the replies that are
// asked for most, ready to be copied.
//
//	tier := decoded.New[meta](8 << 20)
//	…
//	if r := tier.Get(key); r != nil { … r.Meta, r.Original.CopyTo(msg) … }
//	ticket := tier.Ticket(key)            // before the store is read
//	value := store.Get(key)
//	…
//	tier.Offer(ticket, key, meta, msg, …) // the reply just decoded
//	…
//	store.Set(key, …); tier.Remove(key)   // whatever changes the store
//
// # What is in it
//
// A message on the heap is several times as large as its bytes, and the garbage
// collector follows every pointer in it, so the tier is small: what is asked for again
// and again, and nothing else. A reply is taken in when it is offered a second time
// within a short while; room is made by the clock algorithm: a hand goes round, takes
// what was not used since it last came by, and gives up after a few that were. So a
// working set larger than the tier does not churn it: a reply that finds no room costs a
// look at a few records.
//
// # How it agrees with the store
//
// A record is a copy of what the store held. Whoever changes the store removes the
// record afterwards, and a [Ticket] from before the store was read is void after that:
// what was read before a change is not taken in after it. Where other processes change the
// store too, a record may be older than what is there; it is still fresh by
// its own terms, and this process's invalidations reach it.
package decoded
