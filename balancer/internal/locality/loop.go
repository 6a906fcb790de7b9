package locality

import "math"

const (
	gainMax = 0.3  // of the share, per interval and unit of error
	gainMin = 0.02 // likewise
	grow    = 1.2  // of the gain, while the error keeps its sign
	shrink  = 0.5  // of the gain, when the error changes it
	smooth  = 0.5  // weight of the newest ratio
	ahead   = 1    // intervals by which the ratio's course is drawn out
	maxErr  = 1    // a zone that is e times too hot is as bad as it gets
	homing  = 2    // weight of being too cold, see err
)

// loop is the controller, as the package comment describes it. It knows ratios
// and steps, and neither clock nor lock.
type loop struct {
	upper, lower float64 // logarithms of the ratios between which nothing moves

	share float64
	gain  float64
	sign  float64 // of the last error
	ratio float64 // logarithm, smoothed
	known bool    // ratio is
}

func newLoop(margin float64) loop {
	l := loop{upper: math.Log1p(margin), lower: math.Log1p(margin / 2)}
	l.reset()
	return l
}

// reset forgets everything and brings all calls home.
func (l *loop) reset() { l.restart(0) }

// restart sets the share and forgets what was learnt about moving it.
func (l *loop) restart(share float64) {
	l.share = min(max(share, 0), 1)
	l.gain, l.sign, l.known = gainMax, 0, false
}

// move takes in the logarithm of the ratio of temperatures, steps intervals after
// the last one.
func (l *loop) move(ratio, steps float64) {
	e := l.err(l.course(ratio))
	switch {
	case e*l.sign < 0:
		l.gain = max(l.gain*shrink, gainMin)
	case e*l.sign > 0:
		l.gain = min(l.gain*grow, gainMax)
	}
	if e != 0 {
		l.sign = math.Copysign(1, e)
	}
	l.share = min(max(l.share+l.gain*e*steps, 0), 1)
}

// course returns where the smoothed ratio is going.
func (l *loop) course(ratio float64) float64 {
	if !l.known {
		l.ratio, l.known = ratio, true
		return ratio
	}
	change := smooth * (ratio - l.ratio)
	l.ratio += change
	return l.ratio + ahead*change
}

// err returns by how much the ratio is out of the band in which nothing moves. To
// be too cold weighs double: a zone can hardly be colder than the others as long
// as a call leaves it, so that errors on that side are small, and the way home
// would be long.
func (l *loop) err(ratio float64) float64 {
	switch {
	case ratio > l.upper:
		return min(ratio-l.upper, maxErr)
	case ratio < l.lower:
		return max(homing*(ratio-l.lower), -maxErr)
	}
	return 0
}
