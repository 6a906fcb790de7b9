package loadreport_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/balancer/internal/report"
	"github.com/freshet-io/freshet/balancer/loadreport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a server under a Reporter, and a client of it.
type service struct {
	testpb.UnimplementedTestServiceServer
	handle   func(ctx context.Context) error
	reporter *loadreport.Reporter
	server   *grpc.Server
	conn     *grpc.ClientConn
	client   testpb.TestServiceClient
}

func (s *service) EmptyCall(ctx context.Context, _ *testpb.Empty) (*testpb.Empty, error) {
	return &testpb.Empty{}, s.handle(ctx)
}

func (s *service) FullDuplexCall(stream testpb.TestService_FullDuplexCallServer) error {
	return s.handle(stream.Context())
}

// serve runs f with a server in a synctest bubble.
func serve(t *testing.T, f func(t *testing.T, s *service), opts ...loadreport.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, err := loadreport.New(opts...)
		if err != nil {
			t.Fatal(err)
		}
		s := &service{handle: func(context.Context) error { return nil }, reporter: r}
		srv := grpc.NewServer(append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(recovering)}, r.ServerOptions()...)...)
		testpb.RegisterTestServiceServer(srv, s)
		healthpb.RegisterHealthServer(srv, health.NewServer())
		r.Register(srv)
		s.server = srv
		lis := bufconn.Listen(1 << 16)
		go srv.Serve(lis)
		defer srv.Stop()
		s.conn, err = grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		defer s.conn.Close()
		s.client = testpb.NewTestServiceClient(s.conn)
		f(t, s)
	})
}

// recovering is an interceptor outside of the Reporter's.
func recovering(
	ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (_ any, err error) {
	defer func() {
		if recover() != nil {
			err = status.Error(codes.Internal, "panic")
		}
	}()
	return handler(ctx, req)
}

// call makes a unary call and returns the report on its response.
//
//nolint:revive // t comes first, as everywhere
func (s *service) call(t *testing.T, ctx context.Context) (report.Report, error) {
	t.Helper()
	var trailer metadata.MD
	_, err := s.client.EmptyCall(ctx, &testpb.Empty{}, grpc.Trailer(&trailer))
	return decode(t, trailer), err
}

func decode(t *testing.T, trailer metadata.MD) report.Report {
	t.Helper()
	values := trailer.Get(report.Key)
	if len(values) != 1 || len(values[0]) > report.MaxLen {
		t.Fatalf("trailer %v has reports %q, want one of at most %d bytes", trailer, values, report.MaxLen)
	}
	r, ok := report.Decode(values[0])
	if !ok {
		t.Fatalf("report %q is malformed", values[0])
	}
	return r
}

func sleep(d time.Duration, err error) func(context.Context) error {
	return func(context.Context) error {
		<-time.After(d)
		return err
	}
}

func TestEveryResponseReports(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.handle = sleep(time.Millisecond, status.Error(codes.NotFound, "no"))
		r, err := s.call(t, t.Context())
		if status.Code(err) != codes.NotFound || r.Latency != 0 || r.InFlight != 0 {
			t.Errorf("an error before any reply reports %+v (error %v), want an unknown latency", r, err)
		}
		s.handle = sleep(20*time.Millisecond, nil)
		if r, err := s.call(t, t.Context()); err != nil || r.Latency != 20*time.Millisecond || r.Untimed {
			t.Errorf("a reply after 20ms reports %+v (error %v), want a latency of 20ms", r, err)
		}
		s.handle = sleep(time.Millisecond, status.Error(codes.Unavailable, "no"))
		if r, _ := s.call(t, t.Context()); r.Latency != 20*time.Millisecond {
			t.Errorf("a fast failure reports latency %v, want 20ms still", r.Latency)
		}
		s.handle = func(context.Context) error { panic("as told") }
		if r, err := s.call(t, t.Context()); status.Code(err) != codes.Internal || r.InFlight != 0 {
			t.Errorf("a panic reports %+v (error %v), want nothing in flight", r, err)
		}
		s.handle = sleep(0, nil)
		if r, _ := s.call(t, t.Context()); r.InFlight != 0 {
			t.Errorf("after a panic %d calls are in flight, want 0", r.InFlight)
		}
	})
}

func TestCountsOthersInFlight(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		release := make(chan struct{})
		s.handle = func(context.Context) error { <-release; return nil }
		ended := make(chan struct{})
		for range 3 {
			go func() { s.client.EmptyCall(context.Background(), &testpb.Empty{}); ended <- struct{}{} }()
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := s.client.FullDuplexCall(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		blocked := s.handle
		s.handle = sleep(0, nil)
		if r, _ := s.call(t, t.Context()); r.InFlight != 4 {
			t.Errorf("with 3 calls and a stream open %d are reported in flight, want 4", r.InFlight)
		}
		s.handle = blocked
		cancel() // the handler does not listen
		synctest.Wait()
		s.handle = sleep(0, nil)
		if r, _ := s.call(t, t.Context()); r.InFlight != 4 {
			t.Errorf("with a cancelled stream still at work %d are reported in flight, want 4", r.InFlight)
		}
		close(release)
		for range 3 {
			<-ended
		}
		synctest.Wait()
		if r, _ := s.call(t, t.Context()); r.InFlight != 0 {
			t.Errorf("after all have ended %d are reported in flight, want 0", r.InFlight)
		}
	})
}

func TestCancelledCallsLeaveTheCount(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.handle = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			go s.client.EmptyCall(ctx, &testpb.Empty{})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		s.handle = sleep(0, nil)
		if r, _ := s.call(t, t.Context()); r.InFlight != 0 {
			t.Errorf("after 5 cancelled calls %d are reported in flight, want 0", r.InFlight)
		}
	})
}

func TestStreamsReportButAreNoLatency(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.handle = sleep(5*time.Millisecond, nil)
		s.call(t, t.Context())
		s.handle = sleep(time.Hour, nil)
		stream, err := s.client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream.Recv()
		r := decode(t, stream.Trailer())
		if !r.Untimed || r.InFlight != 0 || r.Latency != 0 {
			t.Errorf("a stream of an hour reports %+v, want untimed, and a latency that is unknown by now", r)
		}
		s.handle = sleep(5*time.Millisecond, nil)
		if r, _ := s.call(t, t.Context()); r.Latency != 5*time.Millisecond || r.Untimed {
			t.Errorf("after a stream of an hour a call reports %+v, want 5ms", r)
		}
	})
}

func TestUncounted(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		if _, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		s.handle = func(ctx context.Context) error { <-ctx.Done(); return nil }
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := s.client.FullDuplexCall(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.handle = sleep(0, nil)
		if r, _ := s.call(t, t.Context()); r.InFlight != 0 {
			t.Errorf("beside a health watch and an uncounted stream %d are reported in flight, want 0", r.InFlight)
		}
	}, loadreport.WithUncounted("/grpc.testing.TestService/FullDuplexCall"))
}

func TestUncountedService(t *testing.T) {
	serve(t, func(t *testing.T, s *service) {
		s.handle = sleep(time.Second, nil)
		if r, err := s.call(t, t.Context()); err != nil || !r.Untimed || r.Latency != 0 {
			t.Errorf("a call of an uncounted service reports %+v (error %v), want untimed without latency", r, err)
		}
	}, loadreport.WithUncounted("/grpc.testing.TestService/"))
}

func TestBadOptions(t *testing.T) {
	_, err := loadreport.New(loadreport.WithUncounted("pkg.Service/Method", "/pkg.Service/Method", "/pkg.Service"),
		loadreport.WithUncounted("//x", "/a/b/c"))
	const form = "loadreport: an uncounted method must have the form /package.Service/Method or /package.Service/, got "
	want := form + `"pkg.Service/Method"` + "\n" + form + `"/pkg.Service"` + "\n" + form + `"//x"` + "\n" + form + `"/a/b/c"`
	if err == nil || err.Error() != want {
		t.Errorf("got error\n%v\nwant\n%s", err, want)
	}
}
