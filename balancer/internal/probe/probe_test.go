package probe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	orcapb "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/status"

	orcaload "github.com/freshet-io/freshet/balancer/internal/orca"
	"github.com/freshet-io/freshet/balancer/internal/probe"
	"github.com/freshet-io/freshet/balancer/internal/report"
	"github.com/freshet-io/freshet/balancer/loadreport"
)

// reporting makes a server under package loadreport.
func reporting(t *testing.T, reporter **loadreport.Reporter) func(...grpc.ServerOption) *grpc.Server {
	return func(opts ...grpc.ServerOption) *grpc.Server {
		r, err := loadreport.New()
		if err != nil {
			t.Fatal(err)
		}
		*reporter = r
		srv := grpc.NewServer(append(opts, r.ServerOptions()...)...)
		r.Register(srv)
		return srv
	}
}

func TestServerUnderLoadreport(t *testing.T) {
	var reporter *loadreport.Reporter
	serve(t, reporting(t, &reporter), func(t *testing.T, s *server) {
		p, release := s.prober(t)
		defer release()
		check := func(when string, want report.Report) {
			t.Helper()
			got, err := p.Probe(t.Context())
			if err != nil || !got.Reported || got.Loaded || got.Report != want {
				t.Errorf("%s the probe says %+v, error %v; want report %+v", when, got, err, want)
			}
		}
		check("before any call", report.Report{Untimed: true})
		s.handle = sleep(20 * time.Millisecond)
		s.call(t.Context())
		check("after a call of 20ms", report.Report{Untimed: true, Latency: 20 * time.Millisecond})
		s.handle = sleep(time.Second)
		for range 3 {
			go s.call(t.Context())
		}
		synctest.Wait()
		check("with 3 calls in flight", report.Report{Untimed: true, InFlight: 3, Latency: 20 * time.Millisecond})
		reporter.Drain()
		check("when it drains", report.Report{Untimed: true, InFlight: 3, Latency: 20 * time.Millisecond, Draining: true})
		<-time.After(time.Second)
		// A stream that the client had cut off would be a reset for each probe, which proxies count.
		if begun, cut := s.ended.begun.Load(), s.ended.cut.Load(); begun != 4 || cut != 0 {
			t.Errorf("the server saw %d probes, of which %d were cut off, want 4, 0", begun, cut)
		}
	})
}

func TestStockServer(t *testing.T) {
	metrics := orca.NewServerMetricsRecorder()
	stock := func(opts ...grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(opts...)
		if err := orca.Register(srv, orca.ServiceOptions{ServerMetricsProvider: metrics}); err != nil {
			t.Error(err)
		}
		return srv
	}
	serve(t, stock, func(t *testing.T, s *server) {
		p, release := s.prober(t)
		defer release()
		if got, err := p.Probe(t.Context()); err != nil || got != (probe.Result{}) {
			t.Errorf("a server that knows no load yet says %+v, error %v; want nothing", got, err)
		}
		metrics.SetApplicationUtilization(0.5)
		metrics.SetQPS(100)
		want := probe.Result{Loaded: true, Load: orcaload.Load{Utilization: 0.5, QPS: 100}}
		if got, err := p.Probe(t.Context()); err != nil || got != want {
			t.Errorf("it says %+v, error %v; want %+v", got, err, want)
		}
		synctest.Wait()
		if begun, ended := s.ended.begun.Load(), s.ended.ended.Load(); begun != 2 || ended != 2 {
			t.Errorf("of %d streams %d have ended, want 2 of 2", begun, ended)
		}
	})
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	refuse := func(c codes.Code) func(...grpc.ServerOption) *grpc.Server {
		return scriptedServer(func(grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error { return status.Error(c, "no") })
	}
	trailer := func(md metadata.MD) func(...grpc.ServerOption) *grpc.Server {
		return scriptedServer(func(stream grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error {
			stream.SetTrailer(md)
			return nil
		})
	}
	for _, tt := range []struct {
		name  string
		start func(...grpc.ServerOption) *grpc.Server
		want  codes.Code // of the status inside, OK for none
	}{
		{"no such service", plainServer, codes.Unimplemented},
		{"not permitted", refuse(codes.PermissionDenied), codes.PermissionDenied},
		{"not authenticated", refuse(codes.Unauthenticated), codes.Unauthenticated},
		{"no report", trailer(nil), codes.OK},
		{"a malformed report", trailer(metadata.Pairs(report.Key, "\x00")), codes.OK},
		{"of several reports the last is malformed", trailer(metadata.Pairs(report.Key, "\x10\x00", report.Key, "")), codes.OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, tt.start, func(t *testing.T, s *server) {
				p, release := s.prober(t)
				defer release()
				_, err := p.Probe(t.Context())
				var wrapped interface{ GRPCStatus() *status.Status }
				if !errors.Is(err, probe.ErrUnsupported) || errors.As(err, &wrapped) != (tt.want != codes.OK) || tt.want != codes.OK && wrapped.GRPCStatus().Code() != tt.want {
					t.Errorf("the first probe fails with %v, want ErrUnsupported with status %v", err, tt.want)
				}
				begun := s.ended.begun.Load()
				if _, err := p.Probe(t.Context()); !errors.Is(err, probe.ErrUnsupported) || s.ended.begun.Load() != begun {
					t.Errorf("the second fails with %v and asked the server %d times, want ErrUnsupported, 0", err, s.ended.begun.Load()-begun)
				}
				s.restart()
				again, release := s.prober(t)
				defer release()
				if _, err := again.Probe(t.Context()); err == probe.ErrUnsupported { //nolint:errorlint // wrapped: it was asked
					t.Error("on a new connection the server is not asked")
				}
			})
		})
	}
}

func TestErrorsThatPass(t *testing.T) {
	big := &orcapb.OrcaLoadReport{CpuUtilization: 0.5, Utilization: map[string]float64{string(make([]byte, 1<<17)): 1}}
	var err error
	answers := scriptedServer(func(stream grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error {
		if err != nil {
			return err
		}
		stream.Send(big)
		<-stream.Context().Done()
		return nil
	})
	serve(t, answers, func(t *testing.T, s *server) {
		p, release := s.prober(t)
		defer release()
		if _, got := p.Probe(t.Context()); status.Code(got) != codes.ResourceExhausted {
			t.Errorf("a message of 128 KiB: %v, want RESOURCE_EXHAUSTED", got)
		}
		for _, code := range []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Internal} {
			err = status.Error(code, "")
			if _, got := p.Probe(t.Context()); status.Code(got) != code {
				t.Errorf("%v, want %v", got, code)
			}
		}
		err, big = nil, &orcapb.OrcaLoadReport{CpuUtilization: 0.5}
		if got, err := p.Probe(t.Context()); err != nil || !got.Loaded {
			t.Errorf("after errors: %+v, %v, want a load", got, err)
		}
	})
}

// hanging is a server whose reports do not come.
var hanging = scriptedServer(func(stream grpc.ServerStreamingServer[orcapb.OrcaLoadReport]) error {
	<-stream.Context().Done()
	return nil
})

func TestOneAtATimeAndNotForLong(t *testing.T) {
	serve(t, hanging, func(t *testing.T, s *server) {
		p, release := s.prober(t)
		defer release()
		start, first := time.Now(), make(chan error)
		go func() {
			_, err := p.Probe(t.Context())
			first <- err
		}()
		synctest.Wait()
		if _, err := p.Probe(t.Context()); !errors.Is(err, probe.ErrBusy) || s.ended.begun.Load() != 1 {
			t.Errorf("beside a probe another fails with %v, of %d at the server; want ErrBusy, 1", err, s.ended.begun.Load())
		}
		if err := <-first; status.Code(err) != codes.DeadlineExceeded || time.Since(start) != probe.Timeout {
			t.Errorf("without answer a probe fails with %v after %v, want DEADLINE_EXCEEDED after %v", err, time.Since(start), probe.Timeout)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start = time.Now()
		if _, err := p.Probe(ctx); status.Code(err) != codes.DeadlineExceeded || time.Since(start) != time.Millisecond {
			t.Errorf("with 1ms a probe fails with %v after %v, want DEADLINE_EXCEEDED after 1ms", err, time.Since(start))
		}
		synctest.Wait()
		if begun, ended := s.ended.begun.Load(), s.ended.ended.Load(); begun != ended {
			t.Errorf("of %d streams at the server %d have ended", begun, ended)
		}
	})
}

// A change of state ends the probe that is under way and closes the prober.
func TestClosed(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(s *server, release func())
	}{
		{"the connection is lost", func(s *server, _ func()) { s.grpc.Stop() }},
		{"the server says GOAWAY", func(s *server, _ func()) { s.grpc.GracefulStop() }}, // which waits for the probe
		{"the channel is closed", func(s *server, _ func()) { s.conn.Close() }},
		{"the prober is released", func(_ *server, release func()) { release() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, hanging, func(t *testing.T, s *server) {
				p, release := s.prober(t)
				defer release()
				start, first := time.Now(), make(chan error)
				go func() {
					_, err := p.Probe(t.Context())
					first <- err
				}()
				synctest.Wait()
				tt.end(s, release)
				// Which is heard first, the end of the stream or that of the subchannel, is chance.
				if err := <-first; err == nil || time.Since(start) != 0 {
					t.Errorf("a probe under way ends with %v after %v, want an error at once", err, time.Since(start))
				}
				synctest.Wait()
				if _, err := p.Probe(t.Context()); !errors.Is(err, probe.ErrClosed) {
					t.Errorf("a probe fails with %v, want ErrClosed", err)
				}
			})
		})
	}
}

func TestAnotherConnectionIsProbed(t *testing.T) {
	var reporter *loadreport.Reporter
	serve(t, reporting(t, &reporter), func(t *testing.T, s *server) {
		old, release := s.prober(t)
		reporter.Drain()
		s.restart()
		p, releaseNew := s.prober(t)
		defer releaseNew()
		release() // late, and of the old connection
		if got, err := p.Probe(t.Context()); err != nil || got.Report.Draining {
			t.Errorf("the new server says %+v, error %v; want that it does not drain", got, err)
		}
		if _, err := old.Probe(t.Context()); !errors.Is(err, probe.ErrClosed) {
			t.Errorf("the old prober fails with %v, want ErrClosed", err)
		}
	})
}

func TestSharedAndReleased(t *testing.T) {
	var reporter *loadreport.Reporter
	serve(t, reporting(t, &reporter), func(t *testing.T, s *server) {
		sc := <-s.subs
		p, release := probe.Build(sc)
		q, releaseToo := probe.Build(sc)
		if p != q {
			t.Error("two probers for one connection")
		}
		release()
		release()
		if _, err := q.Probe(t.Context()); err != nil {
			t.Errorf("with one reference left: %v", err)
		}
		releaseToo()
		if _, err := q.Probe(t.Context()); !errors.Is(err, probe.ErrClosed) {
			t.Errorf("with none left: %v, want ErrClosed", err)
		}
	})
}
