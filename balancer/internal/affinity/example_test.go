package affinity_test

import (
	"fmt"

	"github.com/freshet-io/freshet/balancer/internal/affinity"
)

func ExampleNew() {
	ids := []string{"10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:443"}
	inFlight := []int{0, 0, 9}
	ring := affinity.New(ids)
	limit := affinity.Bound(1.25, 9, ring.Len())
	walk := ring.First(affinity.Hash("user/1"))
	for i, ok := walk.Next(); ok; i, ok = walk.Next() {
		fmt.Println(ids[i], inFlight[i] < limit)
	}
	// Output:
	// 10.0.0.2:443 true
	// 10.0.0.3:443 false
	// 10.0.0.1:443 true
}
