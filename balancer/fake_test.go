package balancer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	grpcbalancer "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	estats "google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/callstate"
)

// fakeCC is a channel whose subchannels are ready as soon as they connect.
type fakeCC struct {
	grpcbalancer.ClientConn
	mu    sync.Mutex
	state grpcbalancer.State
	// published has something in it once the state has changed; nil: nobody waits for that.
	published chan struct{}
}

func (c *fakeCC) UpdateState(s grpcbalancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
	select {
	case c.published <- struct{}{}:
	default:
	}
}

func (c *fakeCC) MetricsRecorder() estats.MetricsRecorder { return noMetrics{} }

type noMetrics struct {
	estats.UnimplementedMetricsRecorder
}

func (c *fakeCC) picker() grpcbalancer.Picker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Picker
}

func (c *fakeCC) NewSubConn(addrs []resolver.Address, opts grpcbalancer.NewSubConnOptions) (grpcbalancer.SubConn, error) {
	return &fakeSC{addr: addrs[0].Addr, listen: opts.StateListener}, nil
}

type fakeSC struct {
	grpcbalancer.SubConn
	addr   string
	listen func(grpcbalancer.SubConnState)
}

func (s *fakeSC) Connect() {
	go s.listen(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready})
}

func (s *fakeSC) RegisterHealthListener(f func(grpcbalancer.SubConnState)) {
	go f(grpcbalancer.SubConnState{ConnectivityState: connectivity.Ready})
}

func (s *fakeSC) Shutdown() {}

// GetOrBuildProducer builds one whose every call is refused.
func (s *fakeSC) GetOrBuildProducer(b grpcbalancer.ProducerBuilder) (grpcbalancer.Producer, func()) {
	return b.Build(refusing{})
}

type refusing struct{ grpc.ClientConnInterface }

func (refusing) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no such service")
}

// ready builds the policy over endpoints that are all ready.
func ready(t *testing.T, config string, addrs ...string) (*fakeCC, func()) {
	t.Helper()
	b := grpcbalancer.Get(balancer.Name)
	cfg, err := b.(grpcbalancer.ConfigParser).ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	cc := new(fakeCC)
	lb := b.Build(cc, grpcbalancer.BuildOptions{})
	if err := lb.UpdateClientConnState(grpcbalancer.ClientConnState{
		ResolverState: endpoints(addrs...), BalancerConfig: cfg,
	}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return cc, lb.Close
}

func pick(t *testing.T, p grpcbalancer.Picker) (addr string, done func(grpcbalancer.DoneInfo), state *callstate.State) {
	t.Helper()
	ctx, state := callstate.New(context.Background())
	r, err := p.Pick(grpcbalancer.PickInfo{Ctx: ctx})
	if err != nil {
		t.Fatal(err)
	}
	return r.SubConn.(*fakeSC).addr, r.Done, state
}

func ok(report string) grpcbalancer.DoneInfo {
	d := grpcbalancer.DoneInfo{BytesSent: true, BytesReceived: true}
	if report != "" {
		d.Trailer = metadata.Pairs("freshet-load-bin", report)
	}
	return d
}

func TestWrongConfigType(t *testing.T) {
	for _, cfg := range []serviceconfig.LoadBalancingConfig{nil, struct {
		serviceconfig.LoadBalancingConfig
	}{}} {
		lb := grpcbalancer.Get(balancer.Name).Build(new(fakeCC), grpcbalancer.BuildOptions{})
		err := lb.UpdateClientConnState(grpcbalancer.ClientConnState{ResolverState: endpoints("a:1"), BalancerConfig: cfg})
		if !errors.Is(err, grpcbalancer.ErrBadResolverState) {
			t.Errorf("config %T: error %v, want ErrBadResolverState", cfg, err)
		}
		lb.Close()
	}
}

// TestZeroDoneIsNoCall retracts every pick of one endpoint, as gRPC does when the
// subchannel is gone. If that counted as an answer, it would be the fastest; if
// it leaked a call in flight, the endpoint would look busy for ever.
func TestZeroDoneIsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc, closeLB := ready(t, `{}`, "a:1", "b:1")
		defer closeLB()
		picks := map[string]int{}
		for range 400 {
			addr, done, state := pick(t, cc.picker())
			picks[addr]++
			if addr == "a:1" && picks[addr] <= 50 {
				done(grpcbalancer.DoneInfo{})
				if state.Attempts() != 0 || state.Endpoint() != "" {
					t.Fatalf("after a retracted pick: %d attempts at %q, want 0 at none", state.Attempts(), state.Endpoint())
				}
				continue
			}
			<-time.After(5 * time.Millisecond)
			done(ok(""))
		}
		if picks["a:1"] < 150 || picks["b:1"] < 100 {
			t.Errorf("picks are %v, want both endpoints in use", picks)
		}
	})
}

// TestBadReportsAreDropped lets one server send garbage: it must be judged like
// one that says nothing.
func TestBadReportsAreDropped(t *testing.T) {
	for _, tt := range []struct{ name, report string }{
		{"empty", ""},
		{"version 0", "\x00\x00"},
		{"version 2", "\x22\x00\x01"},
		{"latency 0", "\x12\x00\x00"},
		{"a billion in flight", "\x12\x80\x94\xeb\xdc\x03\x01"},
		{"cut off", "\x12\x80"},
		{"too long", "\x12\x00\x01" + "0123456789abcdef"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cc, closeLB := ready(t, `{}`, "a:1", "b:1")
				defer closeLB()
				for range 100 {
					_, done, state := pick(t, cc.picker())
					<-time.After(time.Millisecond)
					done(ok(tt.report))
					if got := state.Rule(); got == callstate.RuleReport {
						t.Fatalf("a pick was decided by rule %q on reports %q", got, tt.report)
					}
				}
			})
		})
	}
}

// TestForwardedReport has a server that passes on the trailer of its own backend:
// the last value is its own.
func TestForwardedReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc, closeLB := ready(t, `{}`, "a:1", "b:1")
		defer closeLB()
		const idle, busy = "\x12\x00\x80\xc2\xd7\x2f", "\x12\x64\x80\xc2\xd7\x2f" // 0 and 100 in flight, 100 ms
		picks := map[string]int{}
		for range 300 {
			addr, done, _ := pick(t, cc.picker())
			picks[addr]++
			<-time.After(time.Millisecond)
			d := ok("")
			d.Trailer = metadata.Pairs("freshet-load-bin", idle, "freshet-load-bin", busy)
			if addr == "b:1" {
				d.Trailer = metadata.Pairs("freshet-load-bin", busy, "freshet-load-bin", idle)
			}
			done(d)
		}
		if picks["b:1"] < 270 {
			t.Errorf("picks are %v, want nearly all on b:1, whose own report is the idle one", picks)
		}
	})
}

func TestCancelledCallsSayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc, closeLB := ready(t, `{}`, "a:1", "b:1")
		defer closeLB()
		picks := map[string]int{}
		for range 400 {
			addr, done, _ := pick(t, cc.picker())
			picks[addr]++
			d := ok("")
			if addr == "a:1" && picks[addr]%2 == 0 {
				d.Err = status.Error(codes.Canceled, "by the caller") // at once
			} else {
				<-time.After(5 * time.Millisecond)
			}
			done(d)
		}
		if picks["a:1"] < 120 || picks["a:1"] > 280 {
			t.Errorf("picks are %v, want about half each: cancelled calls are neither fast nor failures", picks)
		}
	})
}

func TestConcurrentPicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addrs := make([]string, 40)
		for i := range addrs {
			addrs[i] = string(rune('A'+i)) + ":1"
		}
		cc, closeLB := ready(t, `{"poolSize":4}`, addrs...)
		defer closeLB()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 500 {
					_, done, _ := pick(t, cc.picker())
					<-time.After(time.Millisecond)
					done(ok("\x12\x00\x80\xc2\xd7\x2f"))
				}
			})
		}
		wg.Wait()
	})
}

// Where calls are so frequent that one stands for several, none is lost and none is counted as in
// flight when it has ended.
func TestFrequentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc, closeLB := ready(t, `{}`, "a:1", "b:1")
		defer closeLB()
		const n = 20_000
		ctx, _ := callstate.New(context.Background())
		var open []func(grpcbalancer.DoneInfo)
		for i := range n {
			<-time.After(time.Microsecond)
			info := grpcbalancer.PickInfo{Ctx: context.Background()}
			if i%2 == 1 {
				info.Ctx = ctx
			}
			r, err := cc.picker().Pick(info)
			if err != nil {
				t.Fatal(err)
			}
			if open = append(open, r.Done); len(open) > 10 {
				open[0](ok("\x12\x03\x80\xc2\xd7\x2f"))
				open = open[1:]
			}
		}
		for _, done := range open {
			done(ok(""))
		}
		picks := int64(0)
		for _, e := range balancer.Snapshots()[0].Endpoints {
			if e.InFlight != 0 {
				t.Errorf("%v has %d calls in flight when all have ended", e.Addresses, e.InFlight)
			}
			for _, p := range e.Picks {
				picks += p
			}
		}
		if picks != n {
			t.Errorf("%d picks are counted, want %d", picks, n)
		}
	})
}

func TestOneAllocationPerPick(t *testing.T) {
	for _, tt := range []struct{ name, report string }{
		{"reports", "\x12\x03\x80\xc2\xd7\x2f"}, {"two choices", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var cc *fakeCC
			synctest.Test(t, func(t *testing.T) {
				var closeLB func()
				addrs := make([]string, 100)
				for i := range addrs {
					addrs[i] = string(rune('A'+i)) + ":1"
				}
				cc, closeLB = ready(t, `{}`, addrs...)
				defer closeLB()
				ctx, _ := callstate.New(context.Background())
				info, d, p := grpcbalancer.PickInfo{Ctx: ctx}, ok(tt.report), cc.picker()
				got := testing.AllocsPerRun(1000, func() {
					r, err := p.Pick(info)
					if err != nil {
						t.Fatal(err)
					}
					r.Done(d)
				})
				if got > 1 {
					t.Errorf("a pick and its end make %v allocations, want at most 1", got)
				}
			})
		})
	}
}
