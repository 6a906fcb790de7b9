// Package truth checks what clients were shown against what the database held.
//
//	h := truth.NewHistory()
//	h.Add(key, 2, before, after, show) // of every commit
//	verdicts := h.Check(replies)
//
// # The rule
//
// A row has versions 1, 2, 3, … Version v became visible at a moment c(v), which
// is not known to the nanosecond: it lies between the clock just before the
// commit and the clock just after it. It was true from c(v) until c(v+1).
//
// A reply shows one version of one row, to one client, in a call that began at s
// and ended at e. Its bound B says how old it may be: zero for a reply that came
// from a server, and for one from a cache what the method's declaration allows.
// The reply is good if
//
//  1. it shows exactly what the database held as that version, and not before
//     the version was being committed;
//  2. that version was true at some moment from s - B to e;
//  3. it is at least the version that a write of the same client had been
//     acknowledged with before s.
//
// A reply that breaks one of these is a violation. One that keeps them all, and
// yet was no longer true at s, is stale: permitted, and counted.
//
// # Uncertainty
//
// A reply is blamed only for what is certain: version v counts as true until the
// latest moment at which v+1 can have become visible. So no reply is blamed
// falsely; and one that was too old by less than a commit takes may escape. To
// make that gap small the latest moment is not only the clock after the commit,
// but also the earliest end of a call that showed v+1 or a later version to
// anybody: what has been shown has been committed.
package truth

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// version is what a row was from one commit to the next.
type version struct {
	known         bool
	before, after time.Time // of the commit
	show          func(viewer string) proto.Message
}

// History is everything the database has held. It may be added to concurrently.
type History struct {
	mu   sync.Mutex
	rows map[string][]version // by key; version v at index v-1
}

// NewHistory returns a History of nothing.
func NewHistory() *History { return &History{rows: make(map[string][]version)} }

// Add records a version of a row, counted from 1: the clock before and after its
// commit, both zero for what was there from the start, and what a viewer is
// shown of it. Versions may be added in any order.
func (h *History) Add(key string, v uint64, before, after time.Time, show func(viewer string) proto.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	row := h.rows[key]
	for uint64(len(row)) < v {
		row = append(row, version{})
	}
	row[v-1] = version{known: true, before: before, after: after, show: show}
	h.rows[key] = row
}

// version returns version v of a row; it is not known if nobody recorded it.
func (h *History) version(key string, v uint64) version {
	if row := h.rows[key]; v >= 1 && v <= uint64(len(row)) {
		return row[v-1]
	}
	return version{}
}

// visibleBy returns, for each version of each row that is in replies, the latest
// moment at which it can have become visible.
func (h *History) visibleBy(replies []Reply) map[string][]time.Time {
	moments := make(map[string][]time.Time)
	for i := range replies {
		r := &replies[i]
		row, ok := moments[r.Key]
		if !ok {
			row = make([]time.Time, len(h.rows[r.Key]))
			for i, v := range h.rows[r.Key] {
				row[i] = v.after
			}
			moments[r.Key] = row
		}
		if r.Version >= 1 && r.Version <= uint64(len(row)) && r.End.Before(row[r.Version-1]) {
			row[r.Version-1] = r.End
		}
	}
	for _, row := range moments {
		// A version was visible before the next one was.
		for i := len(row) - 2; i >= 0; i-- {
			if row[i+1].Before(row[i]) {
				row[i] = row[i+1]
			}
		}
	}
	return moments
}
