package subset

import "math/bits"

// terms is how long the continued fraction of a slope is. The denominator is then
// above 10^8, so that ordinals below that never meet.
const terms = 40

// slope returns a fraction of 2^64 whose continued fraction has only ones and
// twos: [0; a1, a2, ...] with a term for each of the lowest 40 bits, in whole
// numbers, because floating point need not round alike on all machines.
func slope(choice uint64) uint64 {
	var above, below uint64 = 0, 1 // the last convergent, 0/1
	var above0, below0 uint64 = 1, 0
	for range terms {
		a := 1 + choice&1
		choice >>= 1
		above, above0 = a*above+above0, above
		below, below0 = a*below+below0, below
	}
	quotient, _ := bits.Div64(above, 0, below) // above < below < 2.42^40 < 2^51
	return quotient
}
