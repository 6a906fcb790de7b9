package affinity

import "math"

// Bound returns how many calls a member may have in flight, a new one included,
// when all n members together have total: c times the fair part of total+1 calls,
// rounded up. A c below 1 counts as 1, so that there is always a member that has
// less. Without members it is 0. It is at most 2^31-1, also for a c that is no
// number.
func Bound(c float64, total, n int) int {
	if n <= 0 {
		return 0
	}
	limit := math.Ceil(max(c, 1) * float64(max(total, 0)+1) / float64(n))
	if !(limit < math.MaxInt32) {
		return math.MaxInt32
	}
	return int(limit)
}
