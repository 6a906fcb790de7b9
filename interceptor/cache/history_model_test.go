package cache_test

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// step is one operation of a history, as the model sees it.
//
// A write is two: at some moment it becomes visible ("commit"), and from some moment on
// every answer must show it ("due"). Both lie between the call and its end where the
// client was told of the end, for that is what an invalidation promises: "no cached reply from before an
// invalidation this client had applied when the call began". A write that nobody was
// told of is due when whatever was fetched before it has passed its bound.
//
// Between the two an answer may show the write or not, in any order: that is how
// bounded staleness is less than linearizability.
type step struct {
	kind    string // "get", "commit", "due"
	id      string
	version int64
	who     string // that asked
}

// shownTo is what a get brought its caller.
type shownTo struct {
	version int64
	owner   string
	lagging bool // by its own word: nothing better was to be had
}

// shown is the state of one row: every answer must show at least what is due, and
// nothing that has not been written.
type shown struct{ due, written int64 }

var staleness = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byRow := map[string][]porcupine.Operation{}
		for _, op := range history {
			id := op.Input.(step).id
			byRow[id] = append(byRow[id], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range byRow {
			out = append(out, ops)
		}
		return out
	},
	Init: func() any { return shown{1, 1} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.(shown), input.(step)
		switch in.kind {
		case "commit":
			s.written = max(s.written, in.version)
			return true, s
		case "due":
			if s.written < in.version {
				return false, s
			}
			s.due = max(s.due, in.version)
			return true, s
		default:
			out := output.(shownTo)
			ok := out.version <= s.written && (out.lagging || out.version >= s.due) && out.owner == in.who
			return ok, s
		}
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v → %+v", input, output)
	},
}

// check reports what is wrong with a history, "" if nothing is.
func check(history []porcupine.Operation) string {
	switch res, info := porcupine.CheckOperationsVerbose(staleness, history, 20*time.Second); res {
	case porcupine.Illegal:
		return fmt.Sprintf("the history of %d operations shows a row older than it may be, of another principal, or from nowhere; the longest part that is right: %v", len(history), longest(info))
	case porcupine.Unknown:
		return "the history was not judged in time"
	default:
		return ""
	}
}

func longest(info porcupine.LinearizationInfo) int {
	most := 0
	for _, partial := range info.PartialLinearizations() {
		for _, p := range partial {
			most = max(most, len(p))
		}
	}
	return most
}
