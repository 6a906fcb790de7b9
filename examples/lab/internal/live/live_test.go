package live

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/examples/lab/internal/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun runs all policies for a moment over TCP; it says nothing of their speed.
func TestRun(t *testing.T) {
	c := Standard(0.3)
	c.Servers, c.Clients, c.Prepare, c.Warmup, c.Window = 2, 2, 50*time.Millisecond, 0, 300*time.Millisecond
	told := 0
	runs, err := Run(t.Context(), c, []string{"freshet", "weighted_round_robin"}, []uint64{1}, func(result.Run) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || told != 2 {
		t.Fatalf("%d runs, %d told, want 2", len(runs), told)
	}
	want := len(plan(c, 1, c.Window))
	for _, r := range runs {
		if r.Calls != want || r.Errors == 1 || r.Mode != "grpc" || r.Seed != 1 {
			t.Errorf("%+v: want %d calls, of which some went well", r, want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	c := Standard(0.75)
	if _, err := Run(t.Context(), c, []string{"none"}, []uint64{1}, nil); err == nil {
		t.Error("an unknown policy was accepted")
	}
	c.Load = 0
	if _, err := Run(t.Context(), c, Policies(), []uint64{1}, nil); err == nil {
		t.Error("a load of 0 was accepted")
	}
}

// TestEnd holds what an antagonist does to work that crosses its bursts.
func TestEnd(t *testing.T) {
	base := time.Now()
	m := &machine{base: base, slowness: 2, antagonist: true}
	for _, c := range []struct{ begin, work, want time.Duration }{
		{400 * time.Millisecond, 10 * time.Millisecond, 420 * time.Millisecond},
		{0, 10 * time.Millisecond, 200 * time.Millisecond},
		{200 * time.Millisecond, 10 * time.Millisecond, 310 * time.Millisecond},   // 10 of 20 ms in the burst
		{2990 * time.Millisecond, 10 * time.Millisecond, 3100 * time.Millisecond}, // 10 of 20 ms before the next
	} {
		if got := m.end(base.Add(c.begin), c.work).Sub(base); got != c.want {
			t.Errorf("work %v from %v ends at %v, want %v", c.work, c.begin, got, c.want)
		}
	}
}
