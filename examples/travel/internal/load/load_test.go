package load_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet-io/freshet/examples/travel/internal/catalog"
	"github.com/freshet-io/freshet/examples/travel/internal/load"
)

func config(t *testing.T, seed uint64) load.Config {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	return load.Config{Seed: seed, Rate: 500, Duration: 20 * time.Second, Clients: 2, Catalog: c}
}

func plan(t *testing.T, cfg load.Config) []load.Call {
	t.Helper()
	calls, err := load.Plan(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func TestPlanIsDeterministic(t *testing.T) {
	a, b, c := plan(t, config(t, 7)), plan(t, config(t, 7)), plan(t, config(t, 8))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two plans of one seed differ:\n%s", diff)
	}
	if cmp.Equal(a, c) {
		t.Error("two seeds make one plan")
	}
}

func TestPlan(t *testing.T) {
	cfg := config(t, 1)
	calls := plan(t, cfg)
	want := cfg.Rate * cfg.Duration.Seconds()
	if got := float64(len(calls)); math.Abs(got-want) > 0.05*want {
		t.Errorf("got %v calls, want about %v", got, want)
	}
	count := map[load.Kind]int{}
	airports := map[string]int{}
	held, sold, looked := map[string]string{}, map[string]string{}, 0
	for i, c := range calls {
		if c.At < 0 || c.At >= cfg.Duration || i > 0 && c.At < calls[i-1].At {
			t.Fatalf("call %d is due at %v, after one at %v", i, c.At, calls[max(0, i-1)].At)
		}
		count[c.Kind]++
		seat := c.Flight + "/" + c.Seat
		switch c.Kind {
		case load.GetAirport:
			airports[c.Code]++
		case load.HoldSeat:
			if held[seat] != "" {
				t.Errorf("%s is held twice", seat)
			}
			held[seat] = c.Traveller
		case load.SellSeat:
			if held[seat] != c.Traveller {
				t.Errorf("%s is sold to %q and was held by %q", seat, c.Traveller, held[seat])
			}
			sold[seat] = c.Traveller
		case load.GetSeat:
			if sold[seat] == c.Traveller {
				looked++
			}
		}
	}
	if reads := count[load.GetAirport] + count[load.GetFare]; float64(reads) < 0.85*want {
		t.Errorf("got %d reads of the directory and fares among %v calls", reads, want)
	}
	for _, k := range []load.Kind{load.UpdateAirport, load.SetFare, load.GetSeat, load.GetSeatMap, load.HoldSeat, load.SellSeat} {
		if count[k] == 0 {
			t.Errorf("no call of kind %d", k)
		}
	}
	if looked < len(sold)/2 {
		t.Errorf("%d buyers of %d look at their seats", looked, len(sold))
	}
	// The first of 5,210 ranks has a share of 1/ζ(1.4) or 0.33, less those who ask by ident.
	if share := float64(airports["ATL"]) / float64(count[load.GetAirport]); math.Abs(share-0.30) > 0.03 {
		t.Errorf("the busiest airport has a share of %.3f, want about 0.30", share)
	}
}

func TestPlanRefuses(t *testing.T) {
	_, err := load.Plan(load.Config{Rate: math.NaN(), Clients: 0})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, part := range []string{"rate", "duration", "clients"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, which does not name %s", err, part)
		}
	}
}

// TestDrive has every call take longer than the whole run: the load is open.
func TestDrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := []load.Call{{At: 0}, {At: time.Second}, {At: time.Second}, {At: 3 * time.Second}}
		start := time.Now()
		var mu sync.Mutex
		var began []time.Duration
		load.Drive(t.Context(), start, calls, time.Sleep, func(_ context.Context, i int, due time.Time) {
			if got := due.Sub(start); got != calls[i].At {
				t.Errorf("the call of %v was due at %v", calls[i].At, got)
			}
			mu.Lock()
			began = append(began, time.Since(start))
			mu.Unlock()
			<-time.After(time.Minute)
		})
		slices.Sort(began)
		if diff := cmp.Diff([]time.Duration{0, time.Second, time.Second, 3 * time.Second}, began); diff != "" {
			t.Errorf("calls were not made when due (-want +got):\n%s", diff)
		}
		if got, want := time.Since(start), 3*time.Second+time.Minute; got != want {
			t.Errorf("returned after %v, want %v", got, want)
		}
	})
}

func TestDriveStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		made := 0
		load.Drive(ctx, time.Now(), []load.Call{{At: 0}, {At: time.Hour}}, time.Sleep, func(context.Context, int, time.Time) {
			made++
			cancel()
		})
		if made != 1 {
			t.Errorf("got %d calls, want 1", made)
		}
	})
}
