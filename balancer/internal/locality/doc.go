// Package locality decides how far from home a call goes: which priority tier
// gets it ([Split]), and whether it leaves the client's own zone ([Spill]).
//
//	locality.Split(healthy, share)          // at each change of health
//	tier := locality.Tier(share, r)         // at each pick
//	if spill.Due(now) {                     // about once a second
//		spill.Update(now, local, remote) // what is known of either side
//	}
//	if spill.Remote(r) {
//		// choose among the endpoints of other zones, else among those of the own
//	}
//
// # Priority tiers
//
// [Split] does what Envoy does with priority levels: a tier is as good as healthy
// while at least 1/1.4, about 71 %, of its endpoints are, because fleets have
// room to spare. Below that it keeps 1.4 times its healthy share of the traffic,
// and the next tiers take what is left over, each up to its own health. If all
// together have less than everything, the shares are scaled up to it. If no tier
// has a healthy endpoint, all goes to the first that has an endpoint at all, for
// health may be judged wrongly and traffic dropped is certainly lost.
//
// # Zones
//
// A call that leaves its zone costs money and a millisecond, so none does while
// the own zone is not hotter than the others by more than a margin, 25 % unless
// configured. [Spill] is a controller: it moves the share of calls that leave
// until the own zone is hotter by just about the margin, and no further. The
// error of the loop is
//
//	e = ln(local temperature / remote temperature) - ln(1 + margin)
//
// after smoothing, cut to [-1, 1]; a logarithm, because what a share of calls
// does to the temperature grows beyond measure when a zone fills up. Four things
// keep many clients, which all act on the same signals, and on old ones, from
// swinging:
//
//   - Hysteresis. Between half the margin and the margin nothing moves.
//   - Damping. The error that counts is where the temperature is going: it has
//     the last change added. What was queued before the share was right keeps the
//     zone hot for a while, and must not drive the share on.
//   - A gain that learns. The share moves by gain x e per interval. Each time
//     that e changes its sign, the gain is halved, down to 0.02; while e keeps
//     its sign, it grows by a fifth, up to 0.3. So the loop need not know how
//     strongly the zone answers.
//   - Jitter. Updates are 0.75 to 1.25 intervals apart, and an interval is no
//     shorter than reports are old.
//
// Simulated with 100 clients in 3 zones that see reports up to 1 s old with 15 %
// noise: a zone that has lost half of its servers is too hot for 5 to 11 s, of
// which the clearing of the queue is a part; after a loss of nine tenths, 24 s.
// From then on it is 1.19 to 1.29 times as hot as the others, the share that
// leaves (0.33 to 0.42, or 0.85) stays within one point in a hundred, and that of
// one client within 10. When the servers are back, 95 % of the calls are at home
// after 7 to 20 s. With 30 % noise the ratio is up to 1.31 and one client's share
// moves by 16 points. Zones that are alike let 0.4 % of the calls go.
//
// What cannot be controlled has fixed rules. No endpoint at home: all calls
// leave. Fewer than the configured minimum: as many leave as if zones did not
// exist. No endpoint elsewhere: none leaves. Temperature of the others unknown:
// one call in 128 leaves, so that it becomes known, and any larger share shrinks.
// Own temperature unknown: the share shrinks, so that calls come home and tell.
// After a silence of ten intervals a Spill starts anew.
//
// The name of the own zone is not this package's business: the policy takes it
// from its configuration or else from the environment variable FRESHET_ZONE, and
// each endpoint's from the resolver. Where either is unknown there are no zones.
package locality
