package loadreport_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	orcasvc "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

// follow opens a stream of reports.
func (s *service) follow(t *testing.T, every *durationpb.Duration, costs ...string) grpc.ServerStreamingClient[orcapb.OrcaLoadReport] {
	t.Helper()
	stream, err := orcasvc.NewOpenRcaServiceClient(s.conn).StreamCoreMetrics(t.Context(),
		&orcasvc.OrcaLoadReportRequest{ReportInterval: every, RequestCostNames: costs})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func recv(t *testing.T, stream grpc.ServerStreamingClient[orcapb.OrcaLoadReport]) *orcapb.OrcaLoadReport {
	t.Helper()
	m, err := stream.Recv()
	if err != nil {
		t.Fatalf("no report: %v", err)
	}
	return m
}

func TestReportsComeAtOnceAndAtIntervals(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  *durationpb.Duration
		want time.Duration
	}{
		{"not said", nil, 10 * time.Second},
		{"zero", durationpb.New(0), 10 * time.Second},
		{"negative", durationpb.New(-time.Second), 10 * time.Second},
		{"no duration", &durationpb.Duration{Seconds: 1, Nanos: -1}, 10 * time.Second},
		{"shorter than the shortest", durationpb.New(time.Millisecond), 100 * time.Millisecond},
		{"the shortest", durationpb.New(100 * time.Millisecond), 100 * time.Millisecond},
		{"far below grpc-go's floor", durationpb.New(time.Second), time.Second},
		{"long", durationpb.New(time.Hour), time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, func(t *testing.T, s *service) {
				start := time.Now()
				stream := s.follow(t, tt.ask)
				for i := range 4 {
					recv(t, stream)
					if got, want := time.Since(start), time.Duration(i)*tt.want; got != want {
						t.Errorf("report %d comes after %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

func TestReportHoldsWhatIsKnown(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		m := recv(t, s.follow(t, nil))
		if m.RpsFractional != 0 || m.Eps != 0 || m.CpuUtilization != 0 || len(m.Utilization) != 0 || len(m.NamedMetrics) != 1 {
			t.Errorf("a new server reports %v, want nothing but no requests in flight", m)
		}
		s.handle = sleep(20*time.Millisecond, nil)
		s.call(t, t.Context())
		s.reporter.SetUtilization("cpu", 0.25)
		s.reporter.SetUtilization("mem", 0.5)
		s.reporter.SetUtilization("app", 0.75)
		s.reporter.SetUtilization("db_write", 0.9)
		s.handle = func(ctx context.Context) error { <-ctx.Done(); return nil }
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 3 {
			go s.client.EmptyCall(ctx, &testpb.Empty{})
		}
		synctest.Wait()
		m = recv(t, s.follow(t, nil))
		if m.CpuUtilization != 0.25 || m.MemUtilization != 0.5 || m.ApplicationUtilization != 0.75 || m.Utilization["db_write"] != 0.9 || len(m.Utilization) != 1 {
			t.Errorf("utilizations are %v, want cpu 0.25, mem 0.5, app 0.75, db_write 0.9", m)
		}
		if n := m.NamedMetrics; n["freshet.rif"] != 3 || n["freshet.latency_ns"] != 20e6 || len(n) != 2 {
			t.Errorf("named metrics are %v, want 3 in flight, which take 20ms", n)
		}
	})
}

func TestRates(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		// 100 calls a second: of ten 7 succeed, 2 are the server's failures, 1 the caller's.
		ends := []error{
			nil, status.Error(codes.Unavailable, ""), nil, nil, status.Error(codes.InvalidArgument, ""),
			nil, nil, context.DeadlineExceeded, nil, nil,
		}
		load := func(d time.Duration) {
			for i := range int(d / (10 * time.Millisecond)) {
				s.handle = sleep(10*time.Millisecond, ends[i%len(ends)])
				s.call(t, t.Context())
			}
		}
		<-time.After(time.Hour)
		load(5 * time.Second)
		m := recv(t, s.follow(t, nil))
		if m.RpsFractional < 98 || m.RpsFractional > 102 || m.Eps < 19 || m.Eps > 21 {
			t.Errorf("rates are %.1f requests and %.1f errors a second, want 100 and 20", m.RpsFractional, m.Eps)
		}
		<-time.After(time.Minute)
		if m = recv(t, s.follow(t, nil)); m.RpsFractional > 0.2 || m.Eps > 0.2 {
			t.Errorf("after a minute without calls rates are %.1f and %.1f, want nearly 0", m.RpsFractional, m.Eps)
		}
	})
}

func TestWhatCountsAsError(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(context.Context) error
		want bool
	}{
		{"OK", sleep(0, nil), false},
		{"unavailable", sleep(0, status.Error(codes.Unavailable, "")), true},
		{"overloaded", sleep(0, status.Error(codes.ResourceExhausted, "")), true},
		{"not a status", sleep(0, errors.New("x")), true},
		{"a deadline of the context", sleep(0, context.DeadlineExceeded), true},
		{"a panic", func(context.Context) error { panic("as told") }, true},
		{"a cancellation", sleep(0, context.Canceled), false},
		{"not found", sleep(0, status.Error(codes.NotFound, "")), false},
		{"unimplemented", sleep(0, status.Error(codes.Unimplemented, "")), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, func(t *testing.T, s *service) {
				s.handle = tt.end
				<-time.After(time.Second)
				s.call(t, t.Context())
				<-time.After(time.Second)
				if m := recv(t, s.follow(t, nil)); (m.Eps > 0) != tt.want || m.RpsFractional == 0 {
					t.Errorf("%v requests and %v errors a second, want errors: %v", m.RpsFractional, m.Eps, tt.want)
				}
			})
		})
	}
}

func TestStreamsEndWithTheirClient(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := orcasvc.NewOpenRcaServiceClient(s.conn).StreamCoreMetrics(ctx, &orcasvc.OrcaLoadReportRequest{})
		if err != nil {
			t.Fatal(err)
		}
		recv(t, stream)
		cancel()
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Errorf("a cancelled stream ends with %v, want CANCELED", err)
		}
		start := time.Now()
		s.server.GracefulStop() // waits for handlers
		if took := time.Since(start); took != 0 {
			t.Errorf("the handler goes on for %v after its client has gone", took)
		}
	})
}

func TestStreamsEndWithTheirServer(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		stream := s.follow(t, nil)
		recv(t, stream)
		s.server.Stop()
		if _, err := stream.Recv(); err == nil {
			t.Error("a stream goes on after its server has stopped")
		}
	})
}

func TestProbeGetsTheTrailerAndNoMessage(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.handle = sleep(20*time.Millisecond, nil)
		s.call(t, t.Context())
		stream := s.follow(t, nil, report.Key)
		if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Fatalf("a probe gets message %v, error %v, want the end of the stream", m, err)
		}
		got, want := decode(t, stream.Trailer()), report.Report{Latency: 20 * time.Millisecond, Untimed: true}
		if got != want {
			t.Errorf("a probe gets %+v, want %+v", got, want)
		}
	})
}

func TestReportsOutOfBandAreNoWork(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		recv(t, s.follow(t, nil))
		<-time.After(time.Second)
		if r, _ := s.call(t, t.Context()); r.InFlight != 0 {
			t.Errorf("beside a stream of reports %d calls are in flight, want 0", r.InFlight)
		}
	})
}
