package balancer

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// readings lets calls begin, one each gap, and returns how many they were, for how many of them the
// time was read, and for how many those stand.
func readings(t *testing.T, c *clock, rng *rand.Rand, n int, gap time.Duration) (read, stand int) {
	t.Helper()
	for range n {
		<-time.After(gap)
		now, weight := c.begin(rng.Uint64())
		if weight > 0 {
			read++
		}
		stand += weight
		if late := c.now() - now; late < 0 || late > 2*int64(stale) {
			t.Fatalf("a call's time is %v late, want at most %v", time.Duration(late), 2*stale)
		}
	}
	return read, stand
}

func TestTheTimeIsReadForFewerWhereCallsAreFrequent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{base: time.Now()}
		defer c.close()
		rng := rand.New(rand.NewPCG(1, 2))
		const n = 5000
		if read, stand := readings(t, c, rng, n, 50*time.Microsecond); read != n || stand != n {
			t.Errorf("at 20,000 calls a second the time was read for %d of %d, which stand for %d", read, n, stand)
		}
		readings(t, c, rng, n, time.Microsecond) // it finds out
		read, stand := readings(t, c, rng, n, time.Microsecond)
		if read > n/8 || stand < n*3/4 || stand > n*5/4 {
			t.Errorf("at a million calls a second the time was read for %d of %d, which stand for %d; want 1 in %d that stand for all", read, n, stand, rarest)
		}
		<-time.After(10 * time.Millisecond)
		readings(t, c, rng, 10, time.Millisecond)
		if read, stand := readings(t, c, rng, 100, time.Millisecond); read != 100 || stand != 100 {
			t.Errorf("when calls are rare again the time is read for %d of 100, which stand for %d", read, stand)
		}
	})
}

func TestTimeThatStandsStillSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{base: time.Now()}
		defer c.close()
		for n := range uint64(10_000) {
			if _, weight := c.begin(n); weight != 1 {
				t.Fatalf("call %d at one and the same time stands for %d", n, weight)
			}
		}
	})
}
