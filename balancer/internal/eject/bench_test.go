package eject_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/eject"
)

func BenchmarkAtomicAdd(b *testing.B) {
	var n atomic.Int64
	for b.Loop() {
		n.Add(1)
	}
}

func BenchmarkCount(b *testing.B) {
	f := newFleet(10, eject.Config{})
	s := f.states[0]
	b.ReportAllocs()
	for b.Loop() {
		s.Count(f.now, false, quick, &f.c)
	}
}

func BenchmarkCountFailures(b *testing.B) {
	f := newFleet(10, eject.Config{})
	f.everybody(50, 50, quick)
	f.sweep()
	s := f.states[9]
	b.ReportAllocs()
	for b.Loop() {
		s.Count(f.now, true, quick, &f.c)
	}
}

func BenchmarkAdmitAndShare(b *testing.B) {
	f := newFleet(10, eject.Config{})
	s := f.states[0]
	open := 0
	b.ReportAllocs()
	for b.Loop() {
		if s.Admit(f.now) == eject.Open && s.Share(f.now, &f.c) == 1 {
			open++
		}
	}
}

func BenchmarkTrial(b *testing.B) {
	f := newFleet(10, eject.Config{})
	b.ReportAllocs()
	for b.Loop() {
		f.Trial(f.now, f.states)
	}
}

func BenchmarkSweep1000(b *testing.B) {
	f := newFleet(1000, eject.Config{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		f.everybody(20, 1, quick)
		f.now += int64(time.Second)
		b.StartTimer()
		f.sweep()
	}
}
