package eject

import "math"

// tally is a number of recent calls and how many of them failed.
type tally struct{ calls, failures float64 }

// without takes out a part. What is left of rounding is no call.
func (t tally) without(part tally) tally {
	return tally{max(t.calls-part.calls, 0), max(t.failures-part.failures, 0)}
}

// known reports whether these are enough calls for a verdict.
func (t tally) known(c *Config) bool { return t.calls >= float64(c.RequestVolume) }

func (t tally) share() float64 { return min(t.failures/t.calls, 1) }

// bad reports whether so many calls failed that, of one endpoint, it would do for
// ejection. Who fails beside others that are bad need not be worse than they are.
func (t tally) bad(c *Config) bool {
	percent := c.FailurePercent
	if percent == Off {
		percent = defaultFailurePercent
	}
	return t.known(c) && t.share() >= float64(percent)/100
}

// inARow reports whether a row of failures is long enough to matter.
func inARow(run int32, c *Config) bool {
	return c.ConsecutiveFailures != Off && int(run) >= c.ConsecutiveFailures
}

// chance is the probability below which a row of failures is no accident.
const chance = 1e-6

// improbable reports whether a row of failures is long, and too long to be explained by
// the share of failures that the others have.
func improbable(run int32, others tally, c *Config) bool {
	if !inARow(run, c) {
		return false
	}
	return !others.known(c) || float64(run)*math.Log(others.share()) <= math.Log(chance)
}

// deviations is by how many standard deviations a share of failures must
// exceed that of the others.
const deviations = 3

// failing reports whether an endpoint fails significantly more than the others.
func failing(own, others tally, c *Config) bool {
	if c.FailurePercent == Off || !own.bad(c) || !others.known(c) {
		return false
	}
	excess := own.share() - others.share()
	// A share of 0 among few calls is no certainty: Laplace's rule of succession.
	p := (others.failures + 1) / (others.calls + 2)
	deviation := math.Sqrt(p * (1 - p) / own.calls)
	return excess >= float64(c.FailureMargin)/100 && excess >= deviations*deviation
}

// slowLimit is the latency above which an endpoint is an outlier, given
// the logarithms of the averages of all that have enough calls, which it
// reorders; +Inf if there is none.
func slowLimit(logs []float64, c *Config) float64 {
	if c.LatencyFactor == Off || len(logs) < c.MinimumHosts {
		return math.Inf(1)
	}
	// Rounded up: of 6, the fifth.
	upper := unlog(nth(logs, (3*(len(logs)-1)+3)/4))
	return max(c.LatencyFactor*upper, upper+float64(c.LatencyMargin))
}

// nth returns the value that has the index k when a is sorted, which it reorders:
// Hoare's selection, linear on average.
func nth(a []float64, k int) float64 {
	for lo, hi := 0, len(a)-1; lo < hi; {
		pivot := a[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for a[i] < pivot {
				i++
			}
			for a[j] > pivot {
				j--
			}
			if i <= j {
				a[i], a[j] = a[j], a[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return a[k]
		}
	}
	return a[k]
}
