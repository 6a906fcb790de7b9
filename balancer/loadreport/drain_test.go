package loadreport_test

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/freshet-io/freshet/balancer/internal/report"
)

func TestDrainIsSaidEverywhere(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		if r, _ := s.call(t, t.Context()); r.Draining {
			t.Error("a server that has not been told to drain says that it does")
		}
		s.reporter.Drain()
		s.reporter.Drain()
		for _, end := range []error{nil, status.Error(codes.Unavailable, "")} {
			s.handle = sleep(time.Millisecond, end)
			if r, err := s.call(t, t.Context()); !r.Draining || status.Code(err) != status.Code(end) {
				t.Errorf("a call that ends with %v reports %+v, error %v; want draining, and the call served", end, r, err)
			}
		}
		stream, err := s.client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream.Recv()
		if r := decode(t, stream.Trailer()); !r.Draining {
			t.Errorf("a stream reports %+v, want draining", r)
		}
		probe := s.follow(t, nil, report.Key)
		probe.Recv()
		if r := decode(t, probe.Trailer()); !r.Draining {
			t.Errorf("a probe gets %+v, want draining", r)
		}
		if m := recv(t, s.follow(t, nil)); m.NamedMetrics["freshet.draining"] != 1 {
			t.Errorf("out of band %v is said, want freshet.draining 1", m.NamedMetrics)
		}
	})
}

func TestDrainIsSaidAtOnceOutOfBand(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		stream := s.follow(t, durationpb.New(time.Hour))
		if m := recv(t, stream); len(m.NamedMetrics) != 1 {
			t.Errorf("named metrics are %v, want freshet.rif only", m.NamedMetrics)
		}
		start := time.Now()
		<-time.After(time.Second)
		s.reporter.Drain()
		if m := recv(t, stream); m.NamedMetrics["freshet.draining"] != 1 || time.Since(start) != time.Second {
			t.Errorf("after %v out of band %v is said, want freshet.draining 1 after 1s", time.Since(start), m.NamedMetrics)
		}
		// And then at the old pace: draining is no busy loop.
		if recv(t, stream); time.Since(start) != time.Hour {
			t.Errorf("the next report comes after %v, want 1h", time.Since(start))
		}
	})
}
