package choose_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

// BenchmarkPick is a pick and the end of its call, of which each 20 us apart.
func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := newGroup(n)
			for i := range g.all {
				g.hear(i, reply(uint32(i%5), 5*ms))
			}
			set := choose.NewSet(g.p, g.pool, g.all)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				now, rng := g.now, rand.New(rand.NewPCG(rand.Uint64(), 1))
				for pb.Next() {
					now += int64(20 * time.Microsecond)
					r := rng.Uint64()
					i, _ := set.Pick(now, r)
					g.all[i].Begin(now)
					if g.all[i].Finish(now+int64(5*ms), reply(uint32(r&3), 5*ms+time.Duration(r&0xfffff)), &g.p) {
						g.pool.Offer(g.all[i])
					}
				}
			})
		})
	}
}
