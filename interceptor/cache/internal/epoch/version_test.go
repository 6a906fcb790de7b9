package epoch_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// heard is one mark as the model remembers it.
type heard struct {
	epoch.Mark
	at uint64
}

// model is the meaning of invalidations, with nothing forgotten.
func model(marks []heard, since uint64, g epoch.Group) epoch.State {
	state := epoch.Valid
	for _, m := range marks {
		if m.Hash != g.Hash || m.at <= since || m.Version > 0 && g.Version >= m.Version {
			continue
		}
		if !m.Soft {
			return epoch.Invalid
		}
		state = epoch.Soft
	}
	return state
}

// A mark that says nothing new may be left out, and marks may arrive late: the state of
// a reply is never better than the model's, and the same where every version is greater
// than those before it.
func TestVersionsAndSoftMarksAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := epoch.New(64 * 64 * 8)
		var all []heard
		least := map[uint64]uint64{}
		ordered := rapid.Bool().Draw(t, "ordered")
		next := uint64(1)
		sinces := []uint64{c.Now()}
		for range rapid.IntRange(1, 60).Draw(t, "marks") {
			m := epoch.Mark{Hash: rapid.Uint64Range(0, 3).Draw(t, "group"), Soft: rapid.Bool().Draw(t, "soft")}
			if rapid.Bool().Draw(t, "versioned") {
				if m.Version = rapid.Uint64Range(1, 20).Draw(t, "version"); ordered {
					next++
					m.Version = next
				}
			}
			known := c.Known(m)
			if known && m.Version > least[m.Hash] {
				t.Fatalf("%+v is known, and is news", m)
			}
			if !known {
				e := c.Tick()
				c.Mark(e, []epoch.Mark{m})
				all = append(all, heard{m, e})
			}
			least[m.Hash] = max(least[m.Hash], m.Version)
			sinces = append(sinces, c.Now())
		}
		for range 100 {
			since := rapid.SampledFrom(sinces).Draw(t, "since")
			g := epoch.Group{Hash: rapid.Uint64Range(0, 3).Draw(t, "asked"), Version: rapid.Uint64Range(0, 70).Draw(t, "has")}
			got, want := c.State(since, []epoch.Group{g}), model(all, since, g)
			if got < want || ordered && got != want {
				t.Fatalf("%+v since %d: got %d, want %d, after %+v", g, since, got, want, all)
			}
			if lags := c.Lags([]epoch.Group{g}); lags != (g.Version > 0 && g.Version < least[g.Hash]) {
				t.Fatalf("%+v lags: %v, and the least version is %d", g, lags, least[g.Hash])
			}
		}
	})
}

// "A repeated or older one changes nothing."
func TestARepeatedVersionSparesWhatWasFetchedSince(t *testing.T) {
	c := epoch.New(0)
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 1, Version: 10}})
	since := c.Now()
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 1, Version: 10}})
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 1, Version: 9}})
	if got := c.State(since, []epoch.Group{{Hash: 1, Version: 9}}); got != epoch.Valid {
		t.Errorf("got state %d, want valid", got)
	}
}

// An entry from before the window is invalid, whatever its version.
func TestAForgottenVersionSparesNobody(t *testing.T) {
	c := epoch.New(epoch.MinLimit)
	since := c.Now()
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 1, Version: 10}})
	for g := range uint64(10 * epoch.MinLimit) {
		set(c, c.Tick(), 8*g+9) // of the same shard
	}
	if got := c.State(since, []epoch.Group{{Hash: 1, Version: 11}}); got != epoch.Invalid {
		t.Errorf("got state %d, want invalid", got)
	}
	if c.Least(1) != 0 {
		t.Error("the version outlived the window")
	}
}

// What At returns is never later than where the clock stood, and within the span
// at most a step behind.
func TestHistoryIsCautious(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span = 256 * time.Millisecond
		h := epoch.NewHistory(span)
		type moment struct {
			at    time.Duration
			epoch uint64
		}
		all := []moment{{0, 1}}
		now, e := time.Duration(0), uint64(1)
		for range rapid.IntRange(0, 2000).Draw(t, "ticks") {
			now += time.Duration(rapid.IntRange(0, 2_000_000).Draw(t, "pause"))
			e++
			h.Note(now, e)
			all = append(all, moment{now, e})
		}
		stood := func(at time.Duration) uint64 {
			last := uint64(1)
			for _, m := range all {
				if m.at <= at {
					last = m.epoch
				}
			}
			return last
		}
		for range 20 {
			at := now - time.Duration(rapid.Int64Range(0, int64(span)).Draw(t, "back"))
			got := h.At(at)
			if got > stood(at) {
				t.Fatalf("At(%v) = %d, and the clock stood at %d", at, got, stood(at))
			}
			if got < stood(at-span/256-1) {
				t.Fatalf("At(%v) = %d, and a step before it the clock stood at %d", at, got, stood(at-span/256))
			}
		}
	})
}
