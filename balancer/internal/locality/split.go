package locality

// overprovisioning is how much more than its part of the traffic the healthy
// endpoints of a tier can take. Envoy's default: a level is not considered
// unhealthy until its share of healthy endpoints falls below 1/1.4.
const overprovisioning = 1.4

// Split writes to share what part of the traffic each priority tier gets, the
// most preferred tier first. healthy holds for each tier the share of its
// endpoints that is healthy, from 0 to 1, or less than 0 if the tier has no
// endpoint. Values above 1 count as 1 and NaN as 0. share must be at least as
// long as healthy; what is longer is set to 0.
//
// The shares add up to 1, or are all 0 if no tier has an endpoint. Split reports
// whether it panicked: no tier has a healthy endpoint, and the first that has any
// gets everything.
func Split(healthy, share []float64) (panicked bool) {
	clear(share)
	total := 0.0
	for i, h := range healthy {
		if h > 0 {
			share[i] = min(h*overprovisioning, 1-total)
			total += share[i]
		}
	}
	if total > 0 {
		for i := range healthy {
			share[i] /= total
		}
		return false
	}
	for i, h := range healthy {
		if !(h < 0) {
			share[i] = 1
			return true
		}
	}
	return false
}

// Tier returns the tier that gets a call, by the shares that Split wrote and 64
// random bits, or the hash of the call's affinity key, to keep a key's calls in one
// tier; -1 if no tier has a share. It takes no lock and allocates nothing.
func Tier(share []float64, r uint64) int {
	at := unit(r)
	last := -1
	for i, s := range share {
		if s <= 0 {
			continue
		}
		last = i
		if at < s {
			break
		}
		at -= s
	}
	return last
}
