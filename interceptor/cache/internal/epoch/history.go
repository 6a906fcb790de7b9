package epoch

import (
	"sort"
	"sync"
	"time"
)

// historySamples is how many moments a History tells apart within its span.
const historySamples = 256

// History remembers for a while at which times a clock stood where. It is safe for concurrent
// use.
type History struct {
	span, step time.Duration

	mu      sync.Mutex
	samples []sample // by time; both grow; at most two within a step
	latest  sample   // the last note, which may be within a step of the last sample
}

type sample struct {
	at    time.Duration
	epoch uint64
}

// NewHistory returns a History that reaches back at least span, greater than zero.
func NewHistory(span time.Duration) *History {
	return &History{span: span, step: max(1, span/historySamples)}
}

// Note tells that the clock has reached epoch e at a time.
func (h *History) Note(at time.Duration, e uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e <= h.latest.epoch || at < h.latest.at {
		return // overtaken: an earlier epoch only makes what At returns more cautious
	}
	if n := len(h.samples); n > 0 && at >= h.samples[n-1].at+h.step && h.latest.at >= h.samples[n-1].at {
		h.push(h.latest)
	}
	h.latest = sample{at, e}
	if n := len(h.samples); n == 0 || at >= h.samples[n-1].at+h.step {
		h.push(h.latest)
	}
}

// push adds a sample, and drops those that are too old, but for the one that answers
// for the end of the span.
func (h *History) push(s sample) {
	if drop := h.after(s.at-h.span) - 1; drop > 0 {
		h.samples = append(h.samples[:0], h.samples[drop:]...)
	}
	if n := len(h.samples); n == 0 || s.epoch > h.samples[n-1].epoch {
		h.samples = append(h.samples, s)
	}
}

// after is the index of the first sample later than t.
func (h *History) after(t time.Duration) int {
	return sort.Search(len(h.samples), func(i int) bool { return h.samples[i].at > t })
}

// At returns an epoch that the clock had passed by the time t: at most the one that it stood
// at, and at least the one that it stood at a 256th of the span earlier. For a t that
// is further back than the span it may be far less.
func (h *History) At(t time.Duration) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest.epoch > 0 && h.latest.at <= t {
		return h.latest.epoch
	}
	i := h.after(t)
	if i == 0 {
		return 1 // where every clock begins
	}
	return h.samples[i-1].epoch
}
