package eject

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 40).Draw(t, "values")
		if rapid.Bool().Draw(t, "ties") {
			for i := range a {
				a[i] = math.Round(a[i])
			}
		}
		k := rapid.IntRange(0, len(a)-1).Draw(t, "k")
		sorted := slices.Sorted(slices.Values(a))
		if got := nth(a, k); got != sorted[k] {
			t.Errorf("value %d is %v, want %v of %v", k, got, sorted[k], sorted)
		}
		slices.Sort(a)
		if !slices.Equal(a, sorted) {
			t.Errorf("values were lost: %v, want %v", a, sorted)
		}
	})
}

// The logarithm of a constant comes back to half a percent; that of a mixture is
// the geometric mean to 7 %.
func TestLogarithm(t *testing.T) {
	log := func(x float64) float64 { return float64(timedCall(x) >> timedBits) }
	rapid.Check(t, func(t *rapid.T) {
		x := math.Exp(rapid.Float64Range(0, 42).Draw(t, "x"))
		y := math.Exp(rapid.Float64Range(0, 42).Draw(t, "y"))
		if got := unlog(log(x)); math.Abs(got/x-1) > 0.005 {
			t.Errorf("of %v comes back %v", x, got)
		}
		if got, want := unlog((log(x)+log(y))/2), math.Sqrt(x*y); math.Abs(got/want-1) > 0.07 {
			t.Errorf("the mean of %v and %v is %v, want %v", x, y, got, want)
		}
	})
	for _, x := range []float64{0.1, 1, math.MaxInt64, math.Inf(1)} {
		if got := timedCall(x) >> timedBits; got > 1<<14 {
			t.Errorf("the logarithm of %v is %d, which is too large to be summed", x, got)
		}
	}
}
