package balancer_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	grpcbalancer "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/connectivity"
	estats "google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer"
)

// starter is a channel without network that calls its balancer from one queue, as gRPC does.
// Subchannels become READY one after the other, as soon as they connect.
type starter struct {
	grpcbalancer.ClientConn
	estats.UnimplementedMetricsRecorder

	mu           sync.Mutex
	queue        []func()
	publications int
	state        connectivity.State
	want         int64         // of endpoints that are ready
	known        chan struct{} // closed when the policy says that it has them
	once         sync.Once     // does so
}

func (s *starter) MetricsRecorder() estats.MetricsRecorder { return s }

// RecordInt64Gauge hears what freshet says with each publication.
func (s *starter) RecordInt64Gauge(h *estats.Int64GaugeHandle, n int64, labels ...string) {
	if h.Descriptor().Name == "freshet.lb.endpoints" && labels[1] == "ready" && n == s.want {
		s.once.Do(func() { close(s.known) })
	}
}

func (s *starter) UpdateState(state grpcbalancer.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publications++
	s.state = state.ConnectivityState
}

func (s *starter) NewSubConn(_ []resolver.Address, opts grpcbalancer.NewSubConnOptions) (grpcbalancer.SubConn, error) {
	return &startedSC{starter: s, listen: opts.StateListener}, nil
}

func (s *starter) enqueue(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, f)
}

// run calls the balancer until nothing is queued; if pause is positive, with one after each
// batch of events.
func (s *starter) run(batch int, pause time.Duration) {
	for done := 0; ; done++ {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		next()
		if pause > 0 && done%batch == batch-1 {
			<-time.After(pause)
		}
	}
}

type startedSC struct {
	grpcbalancer.SubConn
	starter *starter
	listen  func(grpcbalancer.SubConnState)
}

func (c *startedSC) Connect() {
	for _, state := range []connectivity.State{connectivity.Connecting, connectivity.Ready} {
		c.starter.enqueue(func() { c.listen(grpcbalancer.SubConnState{ConnectivityState: state}) })
	}
}

func (c *startedSC) RegisterHealthListener(f func(grpcbalancer.SubConnState)) {
	if f != nil {
		c.starter.enqueue(func() { f(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready}) })
	}
}

func (c *startedSC) Shutdown() {}

// cpu is the CPU time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// start is one way to start.
type start struct {
	name, policy, config string        // without a policy only pauses are made
	addresses            int           // of each endpoint; where there are more than one, freshet has a pick_first
	pause                time.Duration // between hundredths of the events
}

var starts = []start{
	{"weighted_round_robin", weightedroundrobin.Name, `{}`, 1, 0},
	{"freshet", balancer.Name, `{}`, 1, 0},
	{"freshet, pick_first", balancer.Name, `{}`, 2, 0},
	{"freshet, over 1 s", balancer.Name, `{}`, 1, 10 * time.Millisecond},
	{"nothing, over 1 s", "", `{}`, 1, 10 * time.Millisecond},
}

func (s start) endpoints(n int) (state resolver.State) {
	for i := range n {
		var e resolver.Endpoint
		for k := range s.addresses {
			e.Addresses = append(e.Addresses, resolver.Address{Addr: fmt.Sprintf("10.%d.%d.%d:443", k, i/250, i%250)})
		}
		state.Endpoints = append(state.Endpoints, e)
	}
	return state
}

// measure brings n endpoints up, and returns the CPU time of the process until the policy has a
// picker for all of them, and how many pickers it has published.
func (s start) measure(b *testing.B, n int) (used time.Duration, publications int) {
	b.Helper()
	if s.policy == "" {
		before := cpu(b)
		for range 100 {
			<-time.After(s.pause)
		}
		return cpu(b) - before, 0
	}
	builder := grpcbalancer.Get(s.policy)
	config, err := builder.(grpcbalancer.ConfigParser).ParseConfig([]byte(s.config))
	if err != nil {
		b.Fatal(err)
	}
	cc := &starter{known: make(chan struct{}), want: int64(n)}
	if s.policy != balancer.Name {
		close(cc.known) // when the last event was handled
	}
	runtime.GC()
	before := cpu(b)
	lb := builder.Build(cc, grpcbalancer.BuildOptions{})
	defer lb.Close()
	if err := lb.UpdateClientConnState(grpcbalancer.ClientConnState{ResolverState: s.endpoints(n), BalancerConfig: config}); err != nil {
		b.Fatal(err)
	}
	cc.run(max(3*n/100, 1), s.pause)
	select {
	case <-cc.known:
	case <-time.After(10 * time.Second):
		b.Fatalf("%s does not have all of %d endpoints", s.name, n)
	}
	used = cpu(b) - before
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if cc.state != connectivity.Ready {
		b.Fatalf("%s is %v, want READY", s.name, cc.state)
	}
	return used, cc.publications
}

// BenchmarkStart compares what it costs to bring endpoints up, without network, with what it
// costs weighted_round_robin: CPU time from the first update until there is a picker for all,
// garbage collection included. See inTurns. "Over 1 s" counts the pauses, too, which are
// also measured alone.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		b.Run(fmt.Sprintf("endpoints=%d", n), func(b *testing.B) { inTurns(b, starts, n, start.measure, "pickers") })
	}
}

// inTurns lets starts take turns, logs median and extremes of the rounds, and reports the median
// of the second and its ratio to the first. What is measured beside the time is counted in things.
func inTurns(b *testing.B, starts []start, n int, measure func(start, *testing.B, int) (time.Duration, int), things string) {
	const rounds = 5
	used := make([][]float64, len(starts))
	counts := make([]int, len(starts))
	for range rounds {
		for i, s := range starts {
			took, count := measure(s, b, n)
			used[i] = append(used[i], float64(took)/float64(time.Millisecond))
			counts[i] = max(counts[i], count)
		}
	}
	for i, s := range starts {
		slices.Sort(used[i])
		b.Logf("%-22s %8.1f ms (%.1f-%.1f), at most %d %s", s.name, used[i][rounds/2], used[i][0], used[i][rounds-1], counts[i], things)
	}
	b.ReportMetric(used[1][rounds/2], "cpu-ms")
	b.ReportMetric(used[1][rounds/2]/used[0][rounds/2], "of-wrr")
}
