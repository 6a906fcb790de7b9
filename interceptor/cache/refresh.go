package cache

// maxRefreshes bounds the calls that one cache makes in the background at once. When
// many replies become stale together, those that are asked for go first and
// the others a little later: the origin is not to feel it at once.
const maxRefreshes = 64

// refresh fetches a new reply in the background, unless that is under way, or failed a
// short while ago: then calls do not go on trying one by one.
func (c *call) refresh() {
	if c.noStore || c.cache.closed.Load() {
		return
	}
	now := c.cache.now()
	if _, due := c.cache.backoff.failing(c.key, c.target, now); !due &&
		(c.cache.backoff.pushed(c.key, now) || !c.target.pulse.probes(now)) {
		return
	}
	known, err := c.knownGroups()
	if err != nil {
		return
	}
	if c.cache.refreshing.Add(1) > maxRefreshes {
		c.cache.refreshing.Add(-1)
		return
	}
	fl := c.cache.flight.background(c.key, func() *flight { return c.begin(known, flightBackground) })
	if fl == nil {
		c.cache.refreshing.Add(-1)
		return
	}
	fl.start()
	c.cache.backoff.begun(c.key, now)
}
