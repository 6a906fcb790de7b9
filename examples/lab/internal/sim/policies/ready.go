package policies

import "math/rand/v2"

// ready are the servers that can be reached.
type ready struct {
	list  []int
	place []int // of each server in list, -1 if it is not there
}

func newReady(servers int) ready {
	r := ready{list: make([]int, servers), place: make([]int, servers)}
	for i := range servers {
		r.list[i], r.place[i] = i, i
	}
	return r
}

func (r *ready) set(server int, is bool) {
	at := r.place[server]
	switch {
	case is && at < 0:
		r.place[server] = len(r.list)
		r.list = append(r.list, server)
	case !is && at >= 0:
		last := r.list[len(r.list)-1]
		r.list[at], r.place[last] = last, at
		r.list, r.place[server] = r.list[:len(r.list)-1], -1
	}
}

func (r *ready) has(server int) bool { return r.place[server] >= 0 }

// any is a random one, -1 if there is none.
func (r *ready) any(rng *rand.Rand) int {
	if len(r.list) == 0 {
		return -1
	}
	return r.list[rng.IntN(len(r.list))]
}

// two are two different random ones, the same twice if there is but one.
func (r *ready) two(rng *rand.Rand) (int, int) {
	n := len(r.list)
	if n < 2 {
		return r.any(rng), r.any(rng)
	}
	i, j := rng.IntN(n), rng.IntN(n-1)
	if j >= i {
		j++
	}
	return r.list[i], r.list[j]
}

// mute is a client that neither probes nor listens to servers.
type mute struct{}

func (mute) Probes(_ int64, _ int32, to []int) []int { return to }
func (mute) Probed(int64, int, *Load)                {}
