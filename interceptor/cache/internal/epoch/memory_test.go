package epoch_test

import (
	"runtime"
	"testing"

	"github.com/freshet-io/freshet/interceptor/cache/internal/epoch"
)

// spread makes hashes of counters.
func spread(n uint64) uint64 { return (n + 1) * 0xd6e8feb86659fd93 }

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The figure: at 1,000 invalidations of distinct groups a second and lifetimes of
// 10 min no entry within its lifetime is invalid that no invalidation named, in at
// most 24 MiB; without versions in 20 bytes a group.
func TestTenMinutesOfAThousandASecond(t *testing.T) {
	const (
		limit    = 700_000
		perSec   = 1000
		lifetime = 600
	)
	for _, tt := range []struct {
		name     string
		mark     func(n uint64) epoch.Mark
		maxBytes uint64
	}{
		{"hard", func(n uint64) epoch.Mark { return epoch.Mark{Hash: spread(n)} }, limit * 21},
		{"versions", func(n uint64) epoch.Mark { return epoch.Mark{Hash: spread(n), Version: n + 1} }, 24 << 20},
		{"mixed", func(n uint64) epoch.Mark {
			return epoch.Mark{Hash: spread(n), Soft: n%3 == 0, Version: n % 2 * n}
		}, 24 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			c := epoch.New(limit)
			var since []uint64 // by second
			misses, asked := 0, 0
			for sec := range uint64(lifetime + lifetime/4) {
				since = append(since, c.Now())
				for i := range uint64(perSec) {
					c.Mark(c.Tick(), []epoch.Mark{tt.mark(sec*perSec + i)})
				}
				for age := int(sec % 7); age < min(len(since), lifetime); age += 7 {
					asked++
					// A group that was never named.
					if c.State(since[len(since)-1-age], []epoch.Group{{Hash: ^spread(sec*7919 + uint64(age))}}) != epoch.Valid {
						misses++
					}
				}
			}
			used := heap() - before
			t.Logf("%d marks in %.1f MiB, %d false misses of %d", c.Len(), float64(used)/(1<<20), misses, asked)
			if misses > 0 {
				t.Errorf("%d of %d are false misses", misses, asked)
			}
			if used > tt.maxBytes {
				t.Errorf("takes %d bytes, at most %d", used, tt.maxBytes)
			}
			runtime.KeepAlive(c)
		})
	}
}

// The clock of a cache of 1 MiB takes no more than half a one.
func TestASmallClockIsSmall(t *testing.T) {
	before := heap()
	c := epoch.New(1 << 20 / 64)
	for n := range uint64(100_000) {
		c.Mark(c.Tick(), []epoch.Mark{{Hash: spread(n), Version: n + 1}})
	}
	if used := heap() - before; used > 1<<19 {
		t.Errorf("takes %d bytes", used)
	}
	runtime.KeepAlive(c)
}

func TestNothingIsAllocatedForLooking(t *testing.T) {
	c := epoch.New(0)
	since := c.Now()
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 9, Version: 3}})
	groups := []epoch.Group{{Hash: 1}, {Hash: 2, Version: 4}, {Hash: 9, Version: 5}}
	if n := testing.AllocsPerRun(100, func() {
		c.State(since, groups)
		c.Lags(groups)
		c.Known(epoch.Mark{Hash: 9, Version: 3})
	}); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}

func BenchmarkState(b *testing.B) {
	c := epoch.New(800_000)
	var quarter, old uint64
	for n := range uint64(700_000) {
		switch n {
		case 0:
			old = c.Now()
		case 525_000:
			quarter = c.Now()
		}
		c.Mark(c.Tick(), []epoch.Mark{{Hash: spread(n)}})
	}
	last := c.Now()
	c.Mark(c.Tick(), []epoch.Mark{{Hash: 1}})
	groups := []epoch.Group{{Hash: ^spread(1)}, {Hash: ^spread(2)}, {Hash: ^spread(3)}}
	for _, bb := range []struct {
		name  string
		since uint64
	}{{"now", c.Now()}, {"young", last}, {"quarter", quarter}, {"old", old}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.State(bb.since, groups)
			}
		})
	}
	b.Run("mark", func(b *testing.B) {
		b.ReportAllocs()
		n := uint64(1 << 40)
		m := make([]epoch.Mark, 1)
		for b.Loop() {
			n++
			m[0] = epoch.Mark{Hash: spread(n)}
			c.Mark(c.Tick(), m)
		}
	})
}
