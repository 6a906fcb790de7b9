package policies

import "slices"

// prequalMeter is the server's half of Prequal: requests in flight, and the median of the
// latencies of recent requests that arrived at about as many (NSDI'24, section 4). Recent
// is what ended in the last 3 s: at the 3 to 200 requests per second that a server gets
// here, less is too few samples. Where too few ended at this number, those at the nearest
// numbers help, and where none did at all, the last ones of any age: an estimate of 0
// would attract everything.
type prequalMeter struct{ levels []prequalLevel }

type prequalLevel struct {
	next    int
	samples [prequalSamples]prequalSample
}

type prequalSample struct {
	at   int64 // 0: none
	took float64
}

const (
	prequalSamples = 16
	prequalFresh   = 3e9 // ns
	prequalEnough  = 5
)

func (m *prequalMeter) Arrive(int64, int) {}

func (m *prequalMeter) Depart(now int64, s Served, _ int) {
	for s.With >= len(m.levels) {
		m.levels = append(m.levels, prequalLevel{})
	}
	l := &m.levels[s.With]
	took := float64(now - s.Arrived)
	l.samples[l.next] = prequalSample{now, took}
	l.next = (l.next + 1) % prequalSamples
}

func (m *prequalMeter) Load(now int64, rif int, l *Load) {
	l.RIF = rif
	var found [prequalEnough + 2*prequalSamples]float64
	n := m.near(now-prequalFresh, rif, prequalEnough, found[:])
	if n == 0 {
		n = m.near(1, rif, 1, found[:]) // of any age
	}
	l.Latency = 0
	if n > 0 {
		slices.Sort(found[:n])
		l.Latency = found[n/2]
	}
}

// near collects samples since a moment, at rif and then at its neighbours, until there
// are enough.
func (m *prequalMeter) near(since int64, rif, enough int, to []float64) (n int) {
	for d := 0; n < enough && (d <= rif || rif+d < len(m.levels)); d++ {
		n += m.at(since, rif-d, to[n:])
		if d > 0 {
			n += m.at(since, rif+d, to[n:])
		}
	}
	return n
}

func (m *prequalMeter) at(since int64, level int, to []float64) (n int) {
	if level < 0 || level >= len(m.levels) {
		return 0
	}
	for i := range m.levels[level].samples {
		if s := &m.levels[level].samples[i]; s.at >= max(since, 1) {
			to[n] = s.took
			n++
		}
	}
	return n
}

func (m *prequalMeter) Occupy(int64, float64) {}
