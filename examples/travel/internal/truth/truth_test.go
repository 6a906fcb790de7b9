package truth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/examples/travel/internal/truth"
)

const key = "row"

var base = time.Now()

// at is a moment, in milliseconds.
func at(ms int) time.Time { return base.Add(time.Duration(ms) * time.Millisecond) }

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func content(v uint64, viewer string) proto.Message {
	return wrapperspb.String(fmt.Sprintf("version %d for %s", v, viewer))
}

func show(v uint64) func(string) proto.Message {
	return func(viewer string) proto.Message { return content(v, viewer) }
}

// history is of one row that became version 2 in [100, 110] and version 3 in
// [200, 205].
func history() *truth.History {
	h := truth.NewHistory()
	h.Add(key, 3, at(200), at(205), show(3)) // in any order
	h.Add(key, 1, time.Time{}, time.Time{}, show(1))
	h.Add(key, 2, at(100), at(110), show(2))
	return h
}

// reply is one of client 0 that shows what it should.
func reply(v uint64, start, end int, bound time.Duration) truth.Reply {
	return truth.Reply{
		Key: key, Viewer: "ann", Version: v, Shown: content(v, "ann"), Start: at(start), End: at(end), Bound: bound,
	}
}

func TestCheck(t *testing.T) {
	other := reply(3, 210, 211, 0)
	other.Shown = content(3, "bob")
	for _, tt := range []struct {
		name      string
		reply     truth.Reply
		staleness time.Duration
		violation string // a part of it; empty for a good reply
	}{
		{"the first version, long ago", reply(1, -500, -499, 0), 0, ""},
		{"the current version", reply(3, 300, 301, 0), 0, ""},
		{"read before a commit, in a call that ended after it", reply(1, 90, 150, 0), 0, ""},
		{"begun during the commit that replaced it", reply(1, 105, 150, 0), 0, ""},
		{"begun as that commit ended", reply(1, 110, 150, 0), 0, ""},
		{"read during its own commit", reply(2, 90, 101, 0), 0, ""},
		{"a millisecond old, from a server", reply(1, 111, 112, 0), ms(1), "replaced for 1ms"},
		{"a millisecond old, from a cache", reply(1, 111, 112, ms(1)), ms(1), ""},
		{"as old as it may be", reply(2, 255, 256, ms(50)), ms(50), ""},
		{"older than it may be", reply(2, 256, 257, ms(50)), ms(51), "at most 50ms was allowed"},
		{"two versions behind", reply(1, 160, 161, ms(40)), ms(50), "at most 40ms"},
		{"shown before its commit", reply(2, 80, 90, time.Hour), 0, "10ms before its commit began"},
		{"a version that never was", reply(4, 300, 301, time.Hour), 0, "never committed"},
		{"version zero", reply(0, 300, 301, time.Hour), 0, "never committed"},
		{"somebody else's view", other, 0, "was shown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := history().Check([]truth.Reply{tt.reply})[0]
			if got.Staleness != tt.staleness {
				t.Errorf("got a staleness of %v, want %v", got.Staleness, tt.staleness)
			}
			if tt.violation == "" && got.Violation != "" || !strings.Contains(got.Violation, tt.violation) {
				t.Errorf("got violation %q, want %q", got.Violation, tt.violation)
			}
			if want := tt.staleness > 0 && tt.violation == ""; got.Stale() != want {
				t.Errorf("stale: got %v, want %v", got.Stale(), want)
			}
		})
	}
}

func TestOwnWrites(t *testing.T) {
	write := reply(2, 99, 111, 0)
	write.Write = true
	elsewhere := reply(1, 120, 121, time.Second)
	elsewhere.Client = 1
	replies := []truth.Reply{
		reply(1, 120, 121, time.Second), // after the acknowledgement: a violation whatever the bound
		reply(1, 105, 121, time.Second), // begun before it
		elsewhere,                       // another client does not know of the write
		reply(2, 120, 121, 0),           // the write itself
		write,
		reply(3, 300, 301, 0), // a later version
	}
	for i, v := range history().Check(replies) {
		if got, want := strings.Contains(v.Violation, "whose write had made it 2"), i == 0; got != want {
			t.Errorf("reply %d: got %+v, want a violation: %v", i, v, want)
		}
	}
}

// TestAcknowledgementsOutOfOrder: the acknowledgement of the earlier write comes
// after that of the later one, and takes nothing back.
func TestAcknowledgementsOutOfOrder(t *testing.T) {
	earlier, later, repeated := reply(2, 99, 215, 0), reply(3, 199, 206, 0), reply(3, 199, 400, 0)
	earlier.Write, later.Write, repeated.Write = true, true, true
	old := reply(2, 220, 221, time.Second)
	for _, replies := range [][]truth.Reply{{old, earlier, later, repeated}, {old, earlier, repeated, later}} {
		v := history().Check(replies)
		if !strings.Contains(v[0].Violation, "whose write had made it 3") {
			t.Errorf("version 2 after both: got %+v", v[0])
		}
		for _, w := range v[1:] {
			if w.Violation != "" {
				t.Errorf("a write: %+v", w)
			}
		}
	}
	between := reply(2, 212, 213, time.Second)
	between.Client = 1
	if v := history().Check([]truth.Reply{later, between}); v[1].Violation != "" {
		t.Errorf("another client: %+v", v[1])
	}
}

// TestShownIsCommitted: once anybody was shown a version, the one before it is
// known to be over, although the commit has not returned.
func TestShownIsCommitted(t *testing.T) {
	late := reply(1, 105, 120, 0)
	if v := history().Check([]truth.Reply{late})[0]; v.Violation != "" {
		t.Fatalf("alone: %s", v.Violation)
	}
	v := history().Check([]truth.Reply{late, reply(2, 101, 103, 0)})[0]
	if v.Staleness != ms(2) || !strings.Contains(v.Violation, "replaced for 2ms") {
		t.Errorf("after version 2 was shown at 103: got %+v", v)
	}
	// The commit of version 2 takes until 400, and version 3 is shown long before.
	h := truth.NewHistory()
	h.Add(key, 1, time.Time{}, time.Time{}, show(1))
	h.Add(key, 2, at(100), at(400), show(2))
	h.Add(key, 3, at(110), at(400), show(3))
	if v = h.Check([]truth.Reply{reply(1, 205, 206, 0), reply(3, 199, 200, 0)})[0]; v.Staleness != ms(5) {
		t.Errorf("after version 3 was shown at 200: got %+v", v)
	}
}

// TestAgainstTruth generates a row's life and reads it at known moments: a reply
// that was true late enough is never blamed, and one that was certainly too old
// always is.
func TestAgainstTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := truth.NewHistory()
		h.Add(key, 1, time.Time{}, time.Time{}, show(1))
		visible := []int{-1 << 30} // when each version became visible
		after := []int{-1 << 30}   // and when its commit had ended
		clock := 0
		for v := uint64(2); v <= uint64(rapid.IntRange(2, 8).Draw(t, "versions")); v++ {
			before := clock + rapid.IntRange(1, 50).Draw(t, "pause")
			seen := before + rapid.IntRange(0, 5).Draw(t, "commit")
			clock = seen + rapid.IntRange(0, 5).Draw(t, "return")
			h.Add(key, v, at(before), at(clock), show(v))
			visible, after = append(visible, seen), append(after, clock)
		}
		var replies []truth.Reply
		var read []int
		for range rapid.IntRange(1, 20).Draw(t, "replies") {
			start := rapid.IntRange(0, clock+50).Draw(t, "start")
			bound := rapid.IntRange(0, 60).Draw(t, "bound")
			end := start + rapid.IntRange(0, 20).Draw(t, "took")
			moment := rapid.IntRange(start-100, end).Draw(t, "read")
			v := 0
			for v < len(visible) && visible[v] <= moment {
				v++
			}
			replies = append(replies, reply(uint64(v), start, end, ms(bound)))
			read = append(read, moment)
		}
		for i, verdict := range h.Check(replies) {
			r := replies[i]
			oldest := int(r.Start.Add(-r.Bound).Sub(base) / time.Millisecond)
			if read[i] >= oldest && verdict.Violation != "" {
				t.Errorf("read at %d and blamed: %s", read[i], verdict.Violation)
			}
			if over := int(r.Version) < len(after) && after[r.Version] < oldest; over && verdict.Violation == "" {
				t.Errorf("version %d ended by %d, shown to a call of [%d, …]: not blamed", r.Version, after[r.Version], oldest)
			}
		}
	})
}
