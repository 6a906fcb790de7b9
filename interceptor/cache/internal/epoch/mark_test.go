package epoch_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// marked is a mark with its epoch.
type marked struct {
	e uint64
	epoch.Mark
}

// oracle remembers every mark, in the order in which they were applied, and looks
// at all of them.
type oracle struct{ marks []marked }

// add applies a mark unless it changes nothing.
func (m *oracle) add(e uint64, mark epoch.Mark) {
	if !m.known(mark) {
		m.marks = append(m.marks, marked{e, mark})
	}
}

func (m *oracle) known(mark epoch.Mark) bool {
	if mark.Version == 0 {
		return false
	}
	for _, h := range m.marks {
		if h.Hash == mark.Hash && h.Version >= mark.Version && (!h.Soft || mark.Soft) {
			return true
		}
	}
	return false
}

func (m *oracle) state(since uint64, groups []epoch.Group) epoch.State {
	worst := epoch.Valid
	for _, g := range groups {
		for _, h := range m.marks {
			spared := h.Version > 0 && g.Version >= h.Version
			if h.Hash != g.Hash || h.e <= since || spared {
				continue
			}
			if !h.Soft {
				return epoch.Invalid
			}
			worst = epoch.Soft
		}
	}
	return worst
}

func (m *oracle) least(hash uint64) (v uint64) {
	for _, h := range m.marks {
		if h.Hash == hash {
			v = max(v, h.Version)
		}
	}
	return v
}

func drawMark(t *rapid.T, groups uint64) epoch.Mark {
	return epoch.Mark{
		Hash:    rapid.Uint64Range(0, groups).Draw(t, "hash"),
		Version: rapid.Uint64Range(0, 9).Draw(t, "version"),
		Soft:    rapid.Bool().Draw(t, "soft"),
	}
}

func drawGroups(t *rapid.T, groups uint64) []epoch.Group {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) epoch.Group {
		return epoch.Group{
			Hash:    rapid.Uint64Range(0, groups).Draw(t, "hash"),
			Version: rapid.Uint64Range(0, 9).Draw(t, "version"),
		}
	}), 0, 3).Draw(t, "groups")
}

// Within the window the clock answers exactly as the model.
func TestMarksAreAsTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const groups = 20 // times 4 kinds: all fit in, whatever shard they are of
		c, m := epoch.New(64*8*4*(groups+1)), oracle{}
		for range rapid.IntRange(1, 60).Draw(t, "marks") {
			mark := drawMark(t, groups)
			if got, want := c.Known(mark), m.known(mark); got != want {
				t.Fatalf("Known(%+v) = %v, want %v", mark, got, want)
			}
			e := c.Tick()
			c.Mark(e, []epoch.Mark{mark})
			m.add(e, mark)
			since := rapid.Uint64Range(0, c.Now()).Draw(t, "since")
			asked := drawGroups(t, groups)
			if got, want := c.State(since, asked), m.state(since, asked); got != want {
				t.Fatalf("State(%d, %v) = %v, want %v", since, asked, got, want)
			}
			lags := false
			for _, g := range asked {
				if got, want := c.Least(g.Hash), m.least(g.Hash); got != want {
					t.Fatalf("Least(%d) = %d, want %d", g.Hash, got, want)
				}
				lags = lags || g.Version > 0 && g.Version < m.least(g.Hash)
			}
			if got := c.Lags(asked); got != lags {
				t.Fatalf("Lags(%v) = %v, want %v", asked, got, lags)
			}
		}
	})
}

// Past the window it answers no better than the model, does not know of versions
// that it has forgotten, and does not make invalid what only soft marks can have
// touched.
func TestWhatIsForgottenIsNoBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const groups = 500
		c, m := epoch.New(0), oracle{}
		onlySoft := rapid.Bool().Draw(t, "only soft")
		for range rapid.IntRange(1, 1200).Draw(t, "marks") {
			mark := drawMark(t, groups)
			mark.Soft = mark.Soft || onlySoft
			if c.Known(mark) && !m.known(mark) {
				t.Fatalf("knows %+v, which it was never told", mark)
			}
			e := c.Tick()
			c.Mark(e, []epoch.Mark{mark})
			// The clock may have forgotten that the mark changes nothing: then
			// it counts again.
			m.marks = append(m.marks, marked{e, mark})
			if c.Known(mark) != (mark.Version > 0) {
				t.Fatalf("just told, Known(%+v) is %v", mark, c.Known(mark))
			}
		}
		// The model without what changed nothing bounds the clock from above.
		strict := oracle{}
		for _, h := range m.marks {
			strict.add(h.e, h.Mark)
		}
		for range 100 {
			since := rapid.Uint64Range(0, c.Now()).Draw(t, "since")
			asked := drawGroups(t, groups)
			got := c.State(since, asked)
			if want := strict.state(since, asked); got < want {
				t.Fatalf("State(%d, %v) = %v, better than %v", since, asked, got, want)
			}
			if onlySoft && got == epoch.Invalid {
				t.Fatalf("State(%d, %v) is invalid, and all marks are soft", since, asked)
			}
			for _, g := range asked {
				if got, want := c.Least(g.Hash), m.least(g.Hash); got > want {
					t.Fatalf("Least(%d) = %d, and it was never told of more than %d", g.Hash, got, want)
				}
			}
		}
		if c.Len() > epoch.MinLimit {
			t.Fatalf("remembers %d, limit %d", c.Len(), epoch.MinLimit)
		}
	})
}

// In whatever order marks arrive, the result is no better than that of each alone
// nor worse than that of all of them at the latest epoch.
func TestMarksInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const groups = 3
		c, m := epoch.New(64*8*4*(groups+1)), oracle{}
		var marks []marked
		for range rapid.IntRange(1, 12).Draw(t, "marks") {
			marks = append(marks, marked{c.Tick(), drawMark(t, groups)})
		}
		for _, h := range rapid.Permutation(marks).Draw(t, "order") {
			c.Mark(h.e, []epoch.Mark{h.Mark})
			m.add(h.e, h.Mark)
		}
		for range 20 {
			since := rapid.Uint64Range(0, c.Now()).Draw(t, "since")
			asked := drawGroups(t, groups)
			got := c.State(since, asked)
			if want := m.state(since, asked); got < want {
				t.Fatalf("State(%d, %v) = %v, better than %v", since, asked, got, want)
			}
			worst := oracle{}
			for _, h := range marks {
				worst.marks = append(worst.marks, marked{c.Now(), h.Mark})
			}
			if want := worst.state(since, asked); got > want {
				t.Fatalf("State(%d, %v) = %v, worse than %v", since, asked, got, want)
			}
			for _, g := range asked {
				if got, want := c.Least(g.Hash), m.least(g.Hash); got != want {
					t.Fatalf("Least(%d) = %d, want %d", g.Hash, got, want)
				}
			}
		}
	})
}

// Whoever has seen a mark applied sees it in every later State, whatever else is
// being marked and forgotten.
func TestConcurrentMarksAreSeen(t *testing.T) {
	c := epoch.New(0)
	var (
		wg      sync.WaitGroup
		stop    atomic.Bool
		applied [4]atomic.Uint64 // the last epoch at which group i was marked
		version [4]atomic.Uint64
	)
	for w := range uint64(4) {
		wg.Go(func() {
			for n := uint64(1); n <= 2000; n++ {
				e := c.Tick()
				c.Mark(e, []epoch.Mark{{Hash: w, Version: n}, {Hash: 1000 + n%200, Soft: n%2 == 0}})
				applied[w].Store(e)
				version[w].Store(n)
			}
		})
	}
	var readers sync.WaitGroup
	for r := range uint64(3) {
		readers.Go(func() {
			for g := r; !stop.Load(); g++ {
				i := g % 4
				e, v := applied[i].Load(), version[i].Load()
				if e == 0 || v == 0 {
					continue
				}
				if got := c.State(e-1, []epoch.Group{{Hash: 7}, {Hash: i, Version: v - 1}}); v > 1 && got != epoch.Invalid {
					t.Errorf("group %d of version %d since %d: got %v after it was marked at %d", i, v-1, e-1, got, e)
					return
				}
				c.Least(i)
				c.Known(epoch.Mark{Hash: i, Version: v})
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	readers.Wait()
}
