package wire

import "time"

// Optional is a value that may be absent; its zero value is absent. It is
// comparable where T is, and costs no allocation.
type Optional[T any] struct {
	value T
	set   bool
}

// Some returns an Optional that holds v.
func Some[T any](v T) Optional[T] { return Optional[T]{value: v, set: true} }

// Get returns the value and true, or T's zero value and false when it is absent.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// Or returns the value, or other when it is absent.
func (o Optional[T]) Or(other T) T {
	if o.set {
		return o.value
	}
	return other
}

// Seconds is an optional duration that travels as whole seconds.
type Seconds = Optional[time.Duration]

// SecondsOf returns the whole seconds of d, rounded down so that no lifetime
// grows by being said (-0.5 s becomes -1 s), and at most [MaxSeconds] either
// way.
func SecondsOf(d time.Duration) Seconds {
	return Some(time.Duration(wholeSeconds(d)) * time.Second)
}

func wholeSeconds(d time.Duration) int64 {
	n := int64(d / time.Second)
	if d%time.Second < 0 {
		n--
	}
	return min(max(n, -MaxSeconds), MaxSeconds)
}

// smaller returns the smaller of those present.
func smaller(a, b Seconds) Seconds {
	if !a.set || b.set && b.value < a.value {
		return b
	}
	return a
}

// deltaSeconds parses RFC 9111 section 1.2.2's "delta-seconds = 1*DIGIT". "If a
// cache receives a delta-seconds value greater than the greatest integer it can
// represent, [...] the cache MUST consider the value to be 2147483648".
func deltaSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), MaxSeconds)
	}
	return time.Duration(n) * time.Second, true
}
