package conns_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

// cpu is the CPU time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// started brings n endpoints up with a manager.
func started(n int, configure func(*conns.Manager[learnt])) (publications int) {
	cc := new(fakeCC)
	all := make(chan struct{})
	m := conns.New(cc, balancer.BuildOptions{}, conns.Hooks[learnt]{Publish: func(s conns.Snapshot[learnt]) {
		cc.UpdateState(balancer.State{})
		if s.Counts.Ready == n {
			close(all)
		}
	}})
	configure(m)
	if err := m.Update(many(n), nil); err != nil {
		panic(err)
	}
	cc.run()
	<-all
	m.Close()
	return cc.updates
}

// roundRobin brings n endpoints up with round_robin.
func roundRobin(n int) (publications int) {
	cc := new(fakeCC)
	lb := balancer.Get(roundrobin.Name).Build(cc, balancer.BuildOptions{})
	if err := lb.UpdateClientConnState(balancer.ClientConnState{ResolverState: resolver.State{Endpoints: many(n)}}); err != nil {
		panic(err)
	}
	cc.run()
	if got := len(endpointsharding.ChildStatesFromPicker(cc.state.Picker)); got != n {
		panic(got)
	}
	lb.Close()
	return cc.updates
}

// BenchmarkStart measures the CPU time to bring endpoints up without network.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		for _, tt := range []struct {
			name  string
			start func(n int) int
		}{
			{"own", func(n int) int { return started(n, func(*conns.Manager[learnt]) {}) }},
			{"pick_first", func(n int) int { return started(n, conns.PickFirstForAll) }},
			{"round_robin", roundRobin},
		} {
			b.Run(fmt.Sprintf("%s/%d", tt.name, n), func(b *testing.B) {
				b.ReportAllocs()
				publications, before := 0, cpu()
				for b.Loop() {
					publications += tt.start(n)
				}
				b.ReportMetric(float64(cpu()-before)/float64(b.N)/1e6, "cpu-ms/op")
				b.ReportMetric(float64(publications)/float64(b.N), "publications/op")
			})
		}
	}
}
