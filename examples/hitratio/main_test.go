package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestHitRatio holds freshet's store to its figures at a small size: near otter
// where popularity stands still, above it where it moves, and nowhere below BigCache
// alone. Traces are the same in each run; the hash of a store's keys is not.
func TestHitRatio(t *testing.T) {
	if testing.Short() {
		t.Skip("replays many requests")
	}
	r := newRanks(keys, exponent)
	for _, kind := range traces {
		got, err := compare(kind, r, size{mib: 16, requests: 200_000})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(got)
		ours, otter, plain := got.Ratio["freshet"], got.Ratio["otter v2"], got.Ratio["BigCache"]
		if ours < plain {
			t.Errorf("%s: hit ratio of %.3f, want at least BigCache's %.3f", kind, ours, plain)
		}
		if (kind == "zipf" || kind == "scan") && ours < otter-0.025 {
			t.Errorf("%s: hit ratio of %.3f, want at least otter's %.3f less 0.025", kind, ours, otter)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := run(&b, []size{{mib: 2, requests: 2000}}, true); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&b)
	for _, kind := range traces {
		var got row
		if err := dec.Decode(&got); err != nil || got.Trace != kind || len(got.Ratio) != len(subjects) {
			t.Errorf("row of %s is %+v, %v", kind, got, err)
		}
	}
}

func TestUnknownTrace(t *testing.T) {
	if _, err := trace("none", newRanks(10, 1), 1); err == nil {
		t.Error("trace of an unknown kind = nil error, want one")
	}
}
