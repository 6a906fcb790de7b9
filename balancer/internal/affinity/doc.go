// Package affinity finds the endpoint that a key belongs to, and those that it
// falls to, in order, when that one is full or gone: bounded-load consistent
// hashing.
//
//	ring := affinity.New(ids) // once per change of the endpoints, off the pick path
//	limit := affinity.Bound(1.25, total, n)
//	walk := ring.First(affinity.Hash(userID))
//	for i, ok := walk.Next(); ok; i, ok = walk.Next() {
//		if mayBePicked(i) && inFlight(i) < limit {
//			return i
//		}
//	}
//
// # How it decides
//
// Consistent hashing with many probes (Appleton and O'Reilly, arXiv:1505.00062).
// Each member has 8 points on a circle of 2^64, which come of the hash of its id.
// A key has 8 points there, evenly spaced by a step that comes of its hash. The
// distance of a member from a key is the least from one of the key's points
// upwards to one of the member's, and the order of the members for a key is that
// of their distances.
//
// A distance depends on the key and the member only. From that follows what is
// guaranteed:
//
//   - Members that leave or arrive do not change the order of the others. So only
//     those keys move whose member left, or that belong to a new one.
//   - The order of the ids in [New] does not matter, and any two processes of any
//     two versions agree, because the hashes are fixed ([Hash]).
//   - What belongs to a member that is full or gone spreads over many others.
//
// The bound is that of consistent hashing with bounded loads (Mirrokni, Thorup
// and Zadimoghaddam, SODA 2018): no member takes more than c times its fair part
// of the calls in flight. With a c of 1.25 most calls look at one or two members,
// and the hottest key cannot overload a server. [Bound] always leaves room
// somewhere.
//
// # What was measured
//
// The part of random keys that the busiest and the idlest member get, against the
// mean; means over three sets of members:
//
//	members                   5            20           100          1000
//	8 probes,  8 points   1.11  0.87   1.15  0.79   1.16  0.67   1.18  0.64
//	21 probes, 1 point    1.06  0.94   1.12  0.39   1.11  0.15   1.10  0.02
//	16 probes, 4 points   1.05  0.95   1.09  0.76   1.10  0.73   1.12  0.54
//	8 probes, 16 points   1.09  0.91   1.10  0.84   1.13  0.81   1.15  0.75
//	1 probe, 160 points   1.08  0.87   1.12  0.87   1.20  0.82   1.32  0.76
//
// The last line is the usual ring. It takes 20 times the memory and more than 10
// times as long to build, to do worse. One point for each member, as in the
// paper, starves those whose point follows close upon another. Rendezvous hashing
// is perfectly even but looks at all members in each pick. The first member costs
// 0.13 to 0.2 us, at 10 members as at 1000, and each further one about as much;
// building takes 0.1, 1.2 and 4 ms for 100, 1000 and 3000 members.
//
// All members weigh the same. Servers of different strength are told apart by the
// bound and by what else rules a member out.
package affinity
