package locality_test

import (
	"testing"
	"time"
)

const settled = 1.25 * 1.1 // the margin, and what noise and the last points cost

// TestHalfOfTheServersLost is the story of a zone that loses servers and gets them back.
func TestHalfOfTheServersLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		layout
		lost   float64
		within time.Duration // until the temperature is back within the margin
	}{
		{"mild", layout{[3]float64{20, 20, 20}, [3]float64{.5, .5, .5}, 100, .15, false}, 10, 12 * time.Second},
		{"mild, noisy", layout{[3]float64{20, 20, 20}, [3]float64{.5, .5, .5}, 100, .3, false}, 10, 12 * time.Second},
		{"mild, all leave to the coldest", layout{[3]float64{20, 20, 20}, [3]float64{.5, .5, .5}, 100, .15, true}, 10, 12 * time.Second},
		{"uneven", layout{[3]float64{20, 30, 40}, [3]float64{.64, .62, .6}, 100, .15, false}, 10, 14 * time.Second},
		{"slow servers", layout{[3]float64{20, 30, 40}, [3]float64{.64, .62, .6}, 5, .15, false}, 10, 16 * time.Second},
		{"small zone", layout{[3]float64{4, 40, 20}, [3]float64{.55, .55, .5}, 100, .15, false}, 2, 12 * time.Second},
		{"nearly all hot", layout{[3]float64{20, 20, 20}, [3]float64{.8, .8, .8}, 100, .15, false}, 5, 12 * time.Second},
		{"nine tenths lost", layout{[3]float64{20, 20, 20}, [3]float64{.45, .4, .4}, 100, .15, false}, 18, 32 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seeds(t, func(t *testing.T, seed uint64) {
				w := newWorld(seed, tt.layout)
				w.run(30*time.Second, nil)
				var before series
				w.run(30*time.Second, func() { before.add(w.share(0)) })
				if before.mean() > 0.02 {
					t.Errorf("seed %d: before the loss %.1f %% of the calls left, want at most 2 %%", seed, 100*before.mean())
				}

				w.lose(0, tt.lost)
				at, hot := w.now, w.now
				w.run(60*time.Second, func() {
					if w.ratio(0) > settled {
						hot = w.now
					}
				})
				cooled := hot - at
				if cooled > tt.within {
					t.Errorf("seed %d: the zone was too hot for %v, want at most %v", seed, cooled, tt.within)
				}
				var share, ratio, others series
				var one [3]series // a client of each zone
				w.run(60*time.Second, func() {
					share.add(w.share(0))
					ratio.add(w.ratio(0))
					others.add(max(w.share(1), w.share(2)))
					for i := range one {
						one[i].add(w.zones[i].clients[0].Share())
					}
				})
				if ratio.most > settled {
					t.Errorf("seed %d: later the zone was up to %.2f times as hot as the others, want at most %.2f", seed, ratio.most, settled)
				}
				if ratio.mean() < 1.05 {
					t.Errorf("seed %d: later the zone was %.2f times as hot as the others, want no call to leave for that", seed, ratio.mean())
				}
				if swing := share.most - share.least; swing > 0.03 {
					t.Errorf("seed %d: the share that leaves went from %.3f to %.3f, want it to swing by at most 0.03", seed, share.least, share.most)
				}
				if swing := one[0].most - one[0].least; swing > 0.2 {
					t.Errorf("seed %d: that of one client swings by %.3f, want at most 0.2", seed, swing)
				}
				if others.mean() > 0.06 {
					t.Errorf("seed %d: %.3f of the calls of a colder zone left, want at most 0.06", seed, others.mean())
				}

				w.gain(0, tt.lost)
				at = w.now
				back := w.now
				w.run(60*time.Second, func() {
					if w.share(0) > 0.05 {
						back = w.now
					}
				})
				if took := back - at; took > 24*time.Second {
					t.Errorf("seed %d: after the return of the servers it took %v until 95 %% of the calls stayed, want at most 24 s", seed, took)
				}
				if seed == 1 {
					t.Logf("too hot for %.1f s, then %.3f leave (%.3f to %.3f, one client's %.3f to %.3f) and %.3f of a colder zone's at a ratio of %.2f (%.2f to %.2f); home after %.1f s",
						cooled.Seconds(), share.mean(), share.least, share.most, one[0].least, one[0].most, others.mean(),
						ratio.mean(), ratio.least, ratio.most, (back - at).Seconds())
				}
			})
		})
	}
}

// TestAlikeZonesKeepTheirCalls has noise tempt them, cold and hot.
func TestAlikeZonesKeepTheirCalls(t *testing.T) {
	for _, load := range []float64{0.01, 0.3, 0.6, 0.9, 1.2} {
		seeds(t, func(t *testing.T, seed uint64) {
			w := newWorld(seed, layout{[3]float64{6, 6, 6}, [3]float64{load, load, load}, 100, .3, false})
			w.run(30*time.Second, nil)
			var share series
			w.run(60*time.Second, func() { share.add(w.share(0)) })
			if share.mean() > 0.02 || share.most > 0.05 {
				t.Errorf("seed %d: at a load of %.1f, %.3f of the calls left, at most %.3f, want at most 0.02 and 0.05", seed, load, share.mean(), share.most)
			}
		})
	}
}
