package cache

// weak takes single protections of freshness away, so that tests can see that each is
// needed: a checker that finds nothing might be looking at nothing. No caller can
// set it.
type weak struct {
	fillEpoch   bool // a reply counts as fetched when it has arrived
	lookupEpoch bool // what is stored is true for its lifetime
	followers   bool // any flight may be joined, and what it brings used
	versions    bool // a lagging replica is believed
	principals  bool // a reply is shown to every caller
}
