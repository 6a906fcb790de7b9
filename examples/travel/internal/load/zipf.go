package load

import (
	"math"
	"math/rand/v2"
	"sort"
)

// zipf draws ranks 0 to n-1, rank k in proportion to (k+1)^-s. The generator of
// math/rand/v2 wants s greater than 1 and is an approximation by rejection; for
// a few thousand ranks a table is simpler and draws exactly once.
type zipf struct{ cumulated []float64 }

func newZipf(s float64, n int) *zipf {
	z := &zipf{cumulated: make([]float64, n)}
	var sum float64
	for k := range n {
		sum += math.Pow(float64(k+1), -s)
		z.cumulated[k] = sum
	}
	return z
}

func (z *zipf) draw(r *rand.Rand) int {
	last := len(z.cumulated) - 1
	return min(last, sort.SearchFloat64s(z.cumulated, r.Float64()*z.cumulated[last]))
}
