package cache

// Weaken takes a protection away, by its name in the tests of histories.
func (c *Cache) Weaken(protection string) {
	switch protection {
	case "":
	case "fill epoch":
		c.weak.fillEpoch = true
	case "lookup epoch":
		c.weak.lookupEpoch = true
	case "follower check":
		c.weak.followers = true
	case "version fence":
		c.weak.versions = true
	case "principal in key":
		c.weak.principals = true
	default:
		panic("unknown protection " + protection)
	}
}
