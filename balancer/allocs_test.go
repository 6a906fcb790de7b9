//go:build !race

package balancer_test

import (
	"context"
	"testing"

	grpcbalancer "google.golang.org/grpc/balancer"
)

// TestPickAllocatesAtMostOnce holds a pick and its end to one allocation. Most have none: what
// awaits the end of a call is used again. The race detector has pools drop things, so it is
// not run there.
func TestPickAllocatesAtMostOnce(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		p := pickers(t, n)[len(policies)-1].picker()
		info := grpcbalancer.PickInfo{Ctx: context.Background()}
		end := policies[len(policies)-1].end
		if got := testing.AllocsPerRun(2000, func() {
			r, err := p.Pick(info)
			if err != nil {
				t.Fatal(err)
			}
			r.Done(end)
		}); got > 1 {
			t.Errorf("%d endpoints: %v allocations a call, want at most 1", n, got)
		}
	}
}
