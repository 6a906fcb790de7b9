package bigcachestore_test

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// gcSeconds is the processors' time that collections have taken.
func gcSeconds() float64 {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64()
}

// collection is the processors' time of one collection, on average.
func collection() time.Duration {
	const cycles = 20
	runtime.GC()
	before := gcSeconds()
	for range cycles {
		runtime.GC()
	}
	return time.Duration((gcSeconds() - before) / cycles * float64(time.Second))
}

// BenchmarkCollection is what garbage collection costs with a million entries in the store,
// beside the same without.
func BenchmarkCollection(b *testing.B) {
	var without, with time.Duration
	n := 0
	for b.Loop() {
		without += collection()
		s := newStore(b, 1<<30)
		value := make([]byte, 100)
		for k := range uint64(1_000_000) {
			if err := s.Set(ctx, key(k), value, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
		if s.Len() < 990_000 {
			b.Fatalf("%d entries, want a million", s.Len())
		}
		with += collection()
		runtime.KeepAlive(s)
		_ = s.Close()
		n++
	}
	b.ReportMetric(float64(without.Microseconds())/float64(n), "empty-cpu-us/cycle")
	b.ReportMetric(float64(with.Microseconds())/float64(n), "million-cpu-us/cycle")
	b.ReportMetric(0, "ns/op")
}
