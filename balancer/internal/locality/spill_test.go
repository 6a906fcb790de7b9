package locality_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/balancer/internal/locality"
)

func at(temperature float64, endpoints int) locality.Load {
	return locality.Load{Temperature: temperature, Endpoints: endpoints, Known: true}
}

func unknown(endpoints int) locality.Load { return locality.Load{Endpoints: endpoints} }

// after makes n updates a second apart, and returns the share that leaves.
func after(s *locality.Spill, now *time.Duration, n int, local, remote locality.Load) float64 {
	for range n {
		*now += time.Second
		s.Update(int64(*now), local, remote)
	}
	return s.Share()
}

func TestWhatLeaves(t *testing.T) {
	const trickle = 1. / 128
	for _, tt := range []struct {
		name          string
		config        locality.Config
		local, remote locality.Load
		least, most   float64 // share after 20 s
	}{
		{"no warmer", locality.Config{}, at(5, 10), at(5, 20), 0, 0},
		{"colder", locality.Config{}, at(1, 10), at(50, 20), 0, 0},
		{"within the margin", locality.Config{}, at(6.2, 10), at(5, 20), 0, 0},
		{"hotter", locality.Config{}, at(6.5, 10), at(5, 20), .05, .5},
		{"much hotter", locality.Config{}, at(50, 10), at(5, 20), 1, 1},
		{"within a wider margin", locality.Config{Margin: 1}, at(9.9, 10), at(5, 20), 0, 0},
		{"hotter than a wider margin", locality.Config{Margin: 1}, at(20, 10), at(5, 20), .5, 1},
		{"nobody at home", locality.Config{}, unknown(0), at(5, 20), 1, 1},
		{"nobody at home, others unknown", locality.Config{}, unknown(0), unknown(20), 1, 1},
		{"nobody elsewhere", locality.Config{}, at(50, 10), unknown(0), 0, 0},
		{"nobody anywhere", locality.Config{}, unknown(0), unknown(0), 0, 0},
		{"too few at home: as if there were no zones", locality.Config{MinLocal: 3}, at(1, 2), at(5, 6), .75, .75},
		{"just enough at home", locality.Config{MinLocal: 3}, at(1, 3), at(5, 6), 0, 0},
		{"others unknown", locality.Config{}, at(50, 10), unknown(20), trickle, trickle},
		{"own unknown", locality.Config{}, unknown(10), at(5, 20), 0, 0},
		{"nothing known", locality.Config{}, unknown(10), unknown(20), trickle, trickle},
		{"no temperature", locality.Config{}, at(0, 10), at(5, 20), 0, 0},
		{"no number", locality.Config{}, at(5, 10), at(math.NaN(), 20), trickle, trickle},
		{"beyond measure", locality.Config{}, at(5, 10), at(math.Inf(1), 20), trickle, trickle},
		{"margin that is none", locality.Config{Margin: math.NaN()}, at(6.2, 10), at(5, 20), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := locality.NewSpill(tt.config, 1)
			if s.Share() != 0 {
				t.Errorf("at first %v of the calls leave, want 0", s.Share())
			}
			var now time.Duration
			if got := after(s, &now, 20, tt.local, tt.remote); got < tt.least || got > tt.most {
				t.Errorf("%v of the calls leave, want %v to %v", got, tt.least, tt.most)
			}
		})
	}
}

// TestWhatIsUnknownBringsCallsHome starts from a zone that was left altogether.
func TestWhatIsUnknownBringsCallsHome(t *testing.T) {
	for _, tt := range []struct {
		name          string
		local, remote locality.Load
		want          float64
	}{
		{"own zone came back", unknown(10), at(5, 20), 0},
		{"others unknown", at(50, 10), unknown(20), 1. / 128},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := locality.NewSpill(locality.Config{}, 1)
			var now time.Duration
			after(s, &now, 1, unknown(0), at(5, 20))
			if got := after(s, &now, 1, tt.local, tt.remote); got < 0.85 || got > 0.95 {
				t.Errorf("after one second %v of the calls leave, want 0.9: not all at once", got)
			}
			if got := after(s, &now, 12, tt.local, tt.remote); got != tt.want {
				t.Errorf("after 13 seconds %v of the calls leave, want %v", got, tt.want)
			}
		})
	}
}

func TestSilenceIsForgotten(t *testing.T) {
	s := locality.NewSpill(locality.Config{}, 1)
	var now time.Duration
	after(s, &now, 20, at(50, 10), at(5, 20))
	now += 5 * time.Second
	if got := after(s, &now, 1, at(5, 10), at(5, 20)); got < 0.2 {
		t.Errorf("after 6 s of silence %v of the calls leave, want most of the former share", got)
	}
	after(s, &now, 20, at(50, 10), at(5, 20))
	now += time.Minute
	if got := after(s, &now, 1, at(5, 10), at(5, 20)); got != 0 {
		t.Errorf("after a minute of silence %v of the calls leave, want 0", got)
	}
}

// TestStepsAreBounded has an update come late, but not so late that all is forgotten.
func TestStepsAreBounded(t *testing.T) {
	s := locality.NewSpill(locality.Config{}, 1)
	now := 20 * time.Second
	after(s, &now, 1, at(5, 10), at(5, 20))
	now += 8 * time.Second
	if got := after(s, &now, 1, at(50, 10), at(5, 20)); got < 0.25 || got > 0.65 {
		t.Errorf("9 s late, the share that leaves went up to %v, want what two intervals bring", got)
	}
}

// TestTimeMayStandStill has clocks that do not go on, or go back.
func TestTimeMayStandStill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := locality.NewSpill(locality.Config{
			Margin:   rapid.Float64().Draw(t, "margin"),
			MinLocal: rapid.IntRange(-1, 5).Draw(t, "least"),
			Interval: time.Duration(rapid.Int64().Draw(t, "interval")),
		}, rapid.Uint64().Draw(t, "seed"))
		load := func(name string) locality.Load {
			return locality.Load{
				Temperature: rapid.Float64().Draw(t, name),
				Endpoints:   rapid.IntRange(-1, 10).Draw(t, name+" endpoints"),
				Known:       rapid.Bool().Draw(t, name+" known"),
			}
		}
		for range 20 {
			now := rapid.Int64Range(0, int64(time.Hour)).Draw(t, "now")
			s.Due(now)
			s.Update(now, load("local"), load("remote"))
			if got := s.Share(); !(got >= 0 && got <= 1) {
				t.Fatalf("%v of the calls leave, want 0 to 1", got)
			}
		}
	})
}

func TestRemoteFollowsTheShare(t *testing.T) {
	s := locality.NewSpill(locality.Config{MinLocal: 5}, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ local, remote int }{{4, 12}, {4, 4}, {1, 99}, {0, 5}, {5, 0}} {
		var now time.Duration
		want := after(s, &now, 1, at(1, tt.local), at(1, tt.remote))
		const n = 100_000
		left := 0
		for range n {
			if s.Remote(rng.Uint64()) {
				left++
			}
		}
		if got := float64(left) / n; math.Abs(got-want) > 0.005 || (want == 0 || want == 1) && got != want {
			t.Errorf("of calls with random bits %v left, want %v", got, want)
		}
		// Nor need the bits be random in all places.
		left = 0
		for i := range uint64(n) {
			if s.Remote(i << 40) {
				left++
			}
		}
		if got := float64(left) / n; math.Abs(got-want) > 0.005 {
			t.Errorf("of calls with bits in the middle only %v left, want %v", got, want)
		}
	}
}

// TestDueOncePerInterval has callers race for each update: the winner moves the
// clock on, and at once all try again.
func TestDueOncePerInterval(t *testing.T) {
	const rounds = 100_000
	s := locality.NewSpill(locality.Config{}, 42)
	var round atomic.Int64
	won := make([]atomic.Int32, rounds)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for r := round.Load(); r < rounds; r = round.Load() {
				if s.Due(r * int64(2*time.Second)) {
					won[r].Add(1)
					round.CompareAndSwap(r, r+1)
				}
			}
		})
	}
	group.Wait()
	for r := range won {
		if got := won[r].Load(); got != 1 {
			t.Fatalf("in round %d it was due for %d callers, want 1", r, got)
		}
	}
}

// TestDueIsJittered has two clients not stay in step.
func TestDueIsJittered(t *testing.T) {
	var steps [2][]time.Duration
	for i := range steps {
		s := locality.NewSpill(locality.Config{}, uint64(i+1))
		last := time.Duration(-1)
		for at := time.Duration(0); at < 100*time.Second; at += time.Millisecond {
			if !s.Due(int64(at)) {
				continue
			}
			if d := at - last; last >= 0 && (d < 750*time.Millisecond || d > 1252*time.Millisecond) {
				t.Fatalf("updates are %v apart, want 0.75 to 1.25 s", d)
			}
			last = at
			steps[i] = append(steps[i], at)
		}
	}
	same := 0
	for i := range min(len(steps[0]), len(steps[1])) {
		if d := steps[0][i] - steps[1][i]; d.Abs() < 20*time.Millisecond {
			same++
		}
	}
	if same > 20 {
		t.Errorf("%d of 100 updates of two clients fall together, want them spread", same)
	}
}

// TestConcurrently is for the race detector.
func TestConcurrently(t *testing.T) {
	s := locality.NewSpill(locality.Config{}, 1)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 1000 {
				s.Update(int64(i)*int64(time.Millisecond), at(float64(1+g), 3), at(2, 5))
				s.Remote(uint64(i))
				s.Due(int64(i))
				s.Share()
			}
		})
	}
	group.Wait()
}

func TestNoAllocations(t *testing.T) {
	s := locality.NewSpill(locality.Config{}, 1)
	share := make([]float64, 3)
	healthy := []float64{.2, .3, 1}
	now := int64(0)
	got := testing.AllocsPerRun(100, func() {
		now += int64(time.Second)
		s.Due(now)
		s.Update(now, at(5, 10), at(2, 20))
		s.Remote(uint64(now))
		locality.Split(healthy, share)
		locality.Tier(share, uint64(now))
	})
	if got != 0 {
		t.Errorf("an update and a pick make %v allocations, want 0", got)
	}
}

func BenchmarkRemote(b *testing.B) {
	s := locality.NewSpill(locality.Config{}, 1)
	for b.Loop() {
		s.Remote(0x1234)
	}
}

func BenchmarkDue(b *testing.B) {
	s := locality.NewSpill(locality.Config{}, 1)
	s.Due(0)
	for b.Loop() {
		s.Due(1)
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := locality.NewSpill(locality.Config{}, 1)
	now := int64(0)
	for b.Loop() {
		now += int64(time.Second)
		s.Update(now, at(5, 10), at(2, 20))
	}
}

func BenchmarkTier(b *testing.B) {
	share := []float64{.35, .35, .3}
	r := uint64(0)
	for b.Loop() {
		r += 0x9E3779B97F4A7C15
		locality.Tier(share, r)
	}
}

func ExampleSplit() {
	share := make([]float64, 3)
	locality.Split([]float64{0.5, 1, 1}, share) // half of the first tier is healthy
	fmt.Printf("%.1f\n", share)
	// Output: [0.7 0.3 0.0]
}

func ExampleNewSpill() {
	spill := locality.NewSpill(locality.Config{Margin: 0.25}, 1)
	remote := locality.Load{Temperature: 10, Endpoints: 40, Known: true}
	for second, temperature := range []float64{10, 12, 20, 20} {
		local := locality.Load{Temperature: temperature, Endpoints: 20, Known: true}
		spill.Update(int64(second)*int64(time.Second), local, remote)
		fmt.Printf("%.2f\n", spill.Share())
	}
	// Output:
	// 0.00
	// 0.00
	// 0.07
	// 0.16
}
