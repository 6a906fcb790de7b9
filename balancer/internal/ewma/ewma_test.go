package ewma_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/ewma"
)

const second = int64(time.Second)

func near(t interface {
	Helper()
	Errorf(format string, args ...any)
}, what string, got, want float64,
) {
	t.Helper()
	if math.Abs(got-want) > 0.01*math.Abs(want)+1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestEmpty(t *testing.T) {
	var c ewma.Cell
	if _, ok := c.Load(); ok {
		t.Error("Load finds a value in an empty cell")
	}
	if _, ok := c.Decayed(1, 1); ok {
		t.Error("Decayed finds a value in an empty cell")
	}
	if _, w := c.Weighed(1, 1); w != 0 {
		t.Errorf("an empty cell has weight %v, want 0", w)
	}
}

func TestPeakJumpsAndDecays(t *testing.T) {
	var c ewma.Cell
	tau := ewma.Ticks(10 * time.Second)
	c.Peak(ewma.At(0), 5, tau)
	c.Peak(ewma.At(0), 100, tau)
	v, _ := c.Load()
	near(t, "the value after a peak", v, 100)
	v, _ = c.Decayed(ewma.At(10*second), tau)
	near(t, "the value one time constant later", v, 100/math.E)
	c.Peak(ewma.At(10*second), 5, tau)
	v, _ = c.Load()
	near(t, "the value after a sample below", v, 100/math.E+5*(1-1/math.E))
	c.Peak(ewma.At(10*second), 50, tau)
	v, _ = c.Load()
	near(t, "the value after a sample above the decayed one", v, 50)
}

func TestAtLeast(t *testing.T) {
	var c ewma.Cell
	tau := ewma.Ticks(time.Second)
	c.AtLeast(ewma.At(0), 10, tau)
	c.AtLeast(ewma.At(0), 3, tau)
	v, _ := c.Load()
	near(t, "the value after a lower bound below it", v, 10)
	c.AtLeast(ewma.At(3*second), 3, tau)
	v, _ = c.Load()
	near(t, "the value after a lower bound above what is left", v, 3)
}

func TestBlend(t *testing.T) {
	var c ewma.Cell
	tau := ewma.Ticks(time.Second)
	c.Blend(ewma.At(0), 8, 0.25, tau)
	c.Blend(ewma.At(0), 16, 0.25, tau)
	v, _ := c.Load()
	near(t, "the value after a dense sample", v, 10)
	c.Blend(ewma.At(second), 20, 0.25, tau)
	v, _ = c.Load()
	near(t, "the value after a sparse sample", v, 10/math.E+20*(1-1/math.E))
}

func TestTrough(t *testing.T) {
	var c ewma.Cell
	for _, step := range []struct{ sample, want float64 }{{8, 8}, {16, 9}, {2, 2}, {10, 3}} {
		c.Trough(1, step.sample, 0.125)
		v, _ := c.Load()
		near(t, "the lower envelope", v, step.want)
	}
}

func TestSeedOnlyFillsEmpty(t *testing.T) {
	var c ewma.Cell
	c.Seed(1, 0)
	c.Seed(1, 5)
	if v, ok := c.Load(); v != 0 || !ok {
		t.Errorf("got %v, %v; want the first seed, 0", v, ok)
	}
}

// TestStaysWithinSamples holds for every average: it never leaves the range of
// what it was fed, and decay only lowers it.
func TestStaysWithinSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tau := ewma.Ticks(time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "tau")))
		samples := rapid.SliceOfN(rapid.Float64Range(1, 1e12), 1, 50).Draw(t, "samples")
		low, high, now := math.Inf(1), 0.0, int64(0)
		var peak, blend, trough ewma.Cell
		for _, x := range samples {
			low, high = min(low, x), max(high, x)
			now += rapid.Int64Range(-second, 10*second).Draw(t, "pause") // clocks of goroutines cross
			at := ewma.At(max(now, 0))
			peak.Peak(at, x, tau)
			blend.Blend(at, x, 0.1, tau)
			trough.Trough(at, x, 0.1)
		}
		for name, c := range map[string]*ewma.Cell{"blend": &blend, "trough": &trough} {
			if v, _ := c.Load(); v < low*0.999 || v > high*1.001 {
				t.Fatalf("%s is %v, outside of %v to %v", name, v, low, high)
			}
		}
		v, _ := peak.Load()
		if d, _ := peak.Decayed(ewma.At(now+second), tau); v > high*1.001 || d > v {
			t.Fatalf("peak is %v (samples up to %v) and decays to %v", v, high, d)
		}
	})
}

func TestTicksWrap(t *testing.T) {
	const wrap = int64(1) << 52 // the moment at which 32 bits of ticks are used up
	if ewma.At(wrap-1<<20) == 0 || ewma.At(wrap) == 0 {
		t.Error("tick 0 occurs, which means never")
	}
	var c ewma.Cell
	tau := ewma.Ticks(time.Second)
	c.Peak(ewma.At(wrap-second), 100, tau)
	v, _ := c.Decayed(ewma.At(wrap), tau)
	if v < 36 || v > 38 {
		t.Errorf("a second across the wrap leaves %v of 100, want 36.8", v)
	}
}

func TestConcurrentUse(t *testing.T) {
	var c ewma.Cell
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				at := ewma.At(int64(i) << 20)
				c.Peak(at, float64(g+1), 100)
				c.Decayed(at, 100)
			}
		})
	}
	wg.Wait()
	if v, ok := c.Load(); !ok || v <= 0 || v > 8 {
		t.Errorf("got %v, %v after samples from 1 to 8", v, ok)
	}
}

func TestNoAllocations(t *testing.T) {
	var c ewma.Cell
	if got := testing.AllocsPerRun(100, func() { c.Peak(3, 1, 2); c.Blend(4, 1, 2, 3); c.AtLeast(3, 2, 1) }); got != 0 {
		t.Errorf("updates make %v allocations, want 0", got)
	}
}
