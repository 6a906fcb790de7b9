package truth

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
)

// Reply is what one call was shown.
type Reply struct {
	Client  int           // who called: one cache's worth of callers
	Viewer  string        // on whose behalf
	Key     string        // the row shown
	Version uint64        // which version of it
	Shown   proto.Message // and its content
	Start   time.Time     // when the call began
	End     time.Time     // when the client had the reply
	Bound   time.Duration // how old the reply may be at Start
	Write   bool          // the call was a write, and this its acknowledgement
}

// Verdict is what is certain of one reply.
type Verdict struct {
	// Staleness is for how long what the reply shows had not been true when
	// the call began; zero if it was still true.
	Staleness time.Duration
	// Violation says what is wrong with the reply; empty if it is good.
	Violation string
}

// Stale reports whether the reply was no longer true when its call began, and
// good all the same.
func (v Verdict) Stale() bool { return v.Staleness > 0 && v.Violation == "" }

// Check judges every reply, in the order given. All commits must have been
// added.
func (h *History) Check(replies []Reply) []Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	visible := h.visibleBy(replies)
	acks := acknowledgements(replies)
	verdicts := make([]Verdict, len(replies))
	for i := range replies {
		r := &replies[i]
		verdicts[i] = h.judge(r, visible[r.Key], acks[author{r.Client, r.Key}])
	}
	return verdicts
}

// judge applies the rule of the package comment to one reply.
func (h *History) judge(r *Reply, visible []time.Time, acks []ack) Verdict {
	v := h.version(r.Key, r.Version)
	if !v.known {
		return Verdict{Violation: fmt.Sprintf("%s: version %d was never committed", r.Key, r.Version)}
	}
	if want := v.show(r.Viewer); !proto.Equal(want, r.Shown) {
		return Verdict{Violation: fmt.Sprintf("%s: version %d is {%v}, and {%v} was shown", r.Key, r.Version, want, r.Shown)}
	}
	if r.End.Before(v.before) {
		return Verdict{Violation: fmt.Sprintf("%s: version %d was shown %v before its commit began",
			r.Key, r.Version, v.before.Sub(r.End))}
	}
	var verdict Verdict
	if r.Version < uint64(len(visible)) { // visible[r.Version] is that of the next version
		verdict.Staleness = max(0, r.Start.Sub(visible[r.Version]))
	}
	if verdict.Staleness > r.Bound {
		verdict.Violation = fmt.Sprintf("%s: version %d had been replaced for %v when the call began; at most %v was allowed",
			r.Key, r.Version, verdict.Staleness, r.Bound)
	} else if own := acknowledged(acks, r.Start); r.Version < own {
		verdict.Violation = fmt.Sprintf("%s: version %d was shown to client %d, whose write had made it %d",
			r.Key, r.Version, r.Client, own)
	}
	return verdict
}

// author is who may have written what.
type author struct {
	client int
	key    string
}

// ack is a moment from which on an author knows of a version.
type ack struct {
	at      time.Time
	version uint64
}

// acknowledgements collects the writes' acknowledgements, by time, each with the
// highest version known by then.
func acknowledgements(replies []Reply) map[author][]ack {
	acks := make(map[author][]ack)
	for i := range replies {
		r := &replies[i]
		if r.Write {
			by := author{r.Client, r.Key}
			acks[by] = append(acks[by], ack{r.End, r.Version})
		}
	}
	for _, list := range acks {
		slices.SortFunc(list, func(a, b ack) int { return a.at.Compare(b.at) })
		for i := 1; i < len(list); i++ {
			list[i].version = max(list[i].version, list[i-1].version)
		}
	}
	return acks
}

// acknowledged returns the highest version known before a moment, or zero.
func acknowledged(acks []ack, before time.Time) uint64 {
	i, _ := slices.BinarySearchFunc(acks, before, func(a ack, t time.Time) int { return a.at.Compare(t) })
	if i == 0 {
		return 0
	}
	return acks[i-1].version
}
