// Package subset chooses to which of many endpoints a client connects, so that
// not each of 1000 clients holds a connection to each of 1000 servers.
//
//	client, ordinal := subset.Identity(hostname) // "web-12" is the client "web" with the ordinal 12
//	for _, i := range subset.Choose(ids, 20, client, ordinal) {
//		connect(ids[i])
//	}
//
// # How it decides
//
// Each pair of a client and an endpoint has a score, a hash. A client takes the
// endpoints of the lowest scores: rendezvous hashing (Thaler and Ravishankar
// 1998), as gRFC A68 does. There the client's part of the hash is drawn at random
// in each process; here it is the client's name, so that a restart finds the same
// subset.
//
// Hashes alone leave connections as uneven as dice do. Where clients are
// numbered, as the pods of a StatefulSet are, an endpoint gives them scores that
// are spread evenly instead: client k scores
//
//	frac(offset + k x slope)
//
// with an offset and a slope of the endpoint's own. A slope is a number in whose
// continued fraction only ones and twos occur, drawn by hash; of such numbers the
// multiples lie as even as can be for every number of clients (Khinchin,
// Continued Fractions, 1964). So of any N clients that follow on each other, very
// nearly N x p find the endpoint's score below p. The endpoints' slopes differ,
// so that clients that agree at one endpoint do not agree at the next.
//
// # What it guarantees
//
//   - One endpoint more or less changes at most one member of a subset, and only
//     if the endpoint is or was a member itself. That is the least that is
//     possible.
//   - The order of the ids does not matter. Nothing is random and nothing
//     remembered: every process of every version chooses alike. Clients need not
//     know how many they are.
//   - Whoever fails, its clients fall to many others, for subsets overlap at
//     random.
//
// # What was measured
//
// Connections at the busiest endpoint against the mean, in brackets the standard
// deviation; then how many members a client exchanges when one endpoint is
// replaced; means over five sets of endpoints. The last columns are of an
// alternative with windows on a circle of ranks, with the van der Corput sequence
// to place clients (after Ringsteady: Ward, Wankadia and Guliani, CACM 66(5),
// 2023).
//
//	clients endpoints size   by name            by ordinal         windows
//	  100     100      10    1.72 (0.29) 0.16   1.36 (0.15) 0.19   1.10 (0.06) 0.46
//	  300     300      90    1.24 (0.09) 0.53   1.08 (0.03) 0.54   1.01 (0.01) 0.78
//	 1000     100      20    1.16 (0.06) 0.36   1.10 (0.04) 0.36   1.00 (0.00) 0.56
//	 1000    1000      20    1.83 (0.23) 0.04   1.30 (0.09) 0.04   1.05 (0.04) 0.35
//	  100    1000      20    4.10 (0.70) 0.04   2.00 (0.34) 0.04   1.50 (0.31) 0.35
//	   20     100      20    2.00 (0.43) 0.34   1.60 (0.21) 0.35   1.25 (0.14) 0.57
//
// Windows are the most even but exchange up to ten times as many connections in a
// rolling restart, and neighbours on the circle share their clients, so that one
// that fails falls upon few. Within a subset calls go by load, which evens out
// the rest. Placing the endpoints by a sequence, too, needs numbers for them, and
// addresses have none that all clients agree on. Van der Corput's sequence with
// nested scrambling by endpoint did no better than names (0.20 at 1000 by 1000):
// all clients of a residue class then compete for the same endpoints.
package subset
