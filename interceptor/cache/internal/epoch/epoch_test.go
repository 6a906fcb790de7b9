package epoch_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// set is a hard invalidation without versions.
func set(c *epoch.Clock, e uint64, groups ...uint64) {
	marks := make([]epoch.Mark, len(groups))
	for i, g := range groups {
		marks[i].Hash = g
	}
	c.Mark(e, marks)
}

func valid(c *epoch.Clock, since uint64, groups ...uint64) bool {
	in := make([]epoch.Group, len(groups))
	for i, g := range groups {
		in[i].Hash = g
	}
	return c.State(since, in) == epoch.Valid
}

func TestAnEntryIsValidUntilItsGroupIsInvalidated(t *testing.T) {
	c := epoch.New(0)
	before := c.Now()
	if !valid(c, before, 1, 2) {
		t.Error("invalid before any invalidation")
	}
	set(c, c.Tick(), 2)
	after := c.Now()
	for _, tt := range []struct {
		since  uint64
		groups []uint64
		want   bool
	}{
		{before, []uint64{1, 2}, false},
		{before, []uint64{2}, false},
		{before, []uint64{1}, true},
		{before, nil, true},
		{after, []uint64{1, 2}, true},
	} {
		if got := valid(c, tt.since, tt.groups...); got != tt.want {
			t.Errorf("Valid(%d, %v) = %v, want %v", tt.since, tt.groups, got, tt.want)
		}
	}
}

// A slower invalidation of a lower epoch does not turn a group back.
func TestInvalidationsOutOfOrder(t *testing.T) {
	c := epoch.New(0)
	slow := c.Tick()
	between := c.Now()
	set(c, c.Tick(), 1)
	set(c, slow, 1)
	if valid(c, between, 1) {
		t.Error("the later invalidation was lost")
	}
}

// Against a model that forgets nothing: never valid where the model says
// invalid, and exactly the model's answer within the window.
func TestNeverValidWhatIsNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := epoch.New(epoch.MinLimit)
		latest := map[uint64]uint64{}
		sinces := []uint64{c.Now()}
		group := rapid.Uint64Range(0, 2000)
		for range rapid.IntRange(1, 1500).Draw(t, "invalidations") {
			g := group.Draw(t, "group")
			e := c.Tick()
			set(c, e, g)
			latest[g] = e
			sinces = append(sinces, c.Now())
		}
		for range 200 {
			since := rapid.SampledFrom(sinces).Draw(t, "since")
			g := group.Draw(t, "asked")
			got, want := valid(c, since, g), latest[g] <= since
			if got && !want {
				t.Fatalf("group %d is valid since %d, and was invalidated at %d", g, since, latest[g])
			}
			// Fewer invalidations than a generation holds are all remembered.
			if recent := c.Now()-since <= epoch.MinLimit/64; recent && got != want {
				t.Fatalf("group %d since %d: got %v, want %v", g, since, got, want)
			}
		}
		if c.Len() > epoch.MinLimit {
			t.Fatalf("remembers %d, limit %d", c.Len(), epoch.MinLimit)
		}
	})
}

func TestManyGroupsStayWithinTheLimit(t *testing.T) {
	const limit = 64_000
	c := epoch.New(limit)
	since := c.Now()
	falseMisses := 0
	for g := range uint64(1_000_000) {
		set(c, c.Tick(), g*0x9e3779b97f4a7c15)
		if g == limit/2 {
			for h := range uint64(1000) {
				if !valid(c, since, ^h*0x9e3779b97f4a7c15) {
					falseMisses++
				}
			}
		}
	}
	if n := c.Len(); n > limit || n < limit*7/8 {
		t.Errorf("remembers %d of %d", n, limit)
	}
	if falseMisses > 0 {
		t.Errorf("%d of 1000 false misses with half the window used", falseMisses)
	}
	if valid(c, since, 1) {
		t.Error("valid below the floor")
	}
}

func TestHitsAllocateNothing(t *testing.T) {
	c := epoch.New(0)
	since := c.Now()
	set(c, c.Tick(), 9)
	groups := []epoch.Group{{Hash: 1}, {Hash: 2, Version: 7}, {Hash: 3}}
	if n := testing.AllocsPerRun(100, func() { c.State(since, groups) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}
