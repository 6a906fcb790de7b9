package subset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
	"github.com/freshet-io/freshet/resolver/internal/list"
)

// ranked is an endpoint with what decides on it.
type ranked struct {
	resolver.Endpoint

	info  endpoint.Info
	key   string
	score uint64
}

// choose returns the subset of each tier, in no particular order. The endpoints
// are distinct.
func choose(endpoints []resolver.Endpoint, size int, client string) []resolver.Endpoint {
	if len(endpoints) <= size {
		return endpoints
	}
	all := make([]ranked, len(endpoints))
	for i, e := range endpoints {
		key := list.Key(e)
		all[i] = ranked{e, endpoint.Get(e), key, score(client, key)}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.info.Priority, b.info.Priority), cmp.Compare(b.score, a.score), cmp.Compare(a.key, b.key))
	})
	chosen := make([]resolver.Endpoint, 0, min(len(all), 2*size))
	tier, staying, leaving := -1, 0, 0
	for _, r := range all {
		if r.info.Priority != tier {
			tier, staying, leaving = r.info.Priority, 0, 0
		}
		switch {
		case staying == size:
		case !r.info.Draining:
			staying++
			chosen = append(chosen, r.Endpoint)
		case leaving < size:
			leaving++
			chosen = append(chosen, r.Endpoint)
		}
	}
	return chosen
}

// score is the same in every process, and for each client another order of the
// endpoints. The name's length keeps "a" with "bc" apart from "ab" with "c".
func score(client, key string) uint64 {
	b := binary.AppendUvarint(make([]byte, 0, len(client)+len(key)+binary.MaxVarintLen64), uint64(len(client)))
	b = append(append(b, client...), key...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}
