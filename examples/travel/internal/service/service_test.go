package service_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/db/dbtest"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial starts a server of all services and returns a channel to it.
func dial(t *testing.T, plain bool) *grpc.ClientConn {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.File(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := service.New(service.Config{DB: d, Services: service.All(), Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Drain()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func TestErrors(t *testing.T) {
	conn := dial(t, false)
	directory := travelv1.NewDirectoryServiceClient(conn)
	fares := travelv1.NewFaresServiceClient(conn)
	seats := travelv1.NewSeatsServiceClient(conn)
	ann := service.WithTraveller(t.Context(), "ann")
	for _, tt := range []struct {
		name string
		call func() error
		want codes.Code
	}{
		{"no such airport", func() error {
			_, err := directory.GetAirport(ann, &travelv1.GetAirportRequest{Code: "XXXX"})
			return err
		}, codes.NotFound},
		{"empty prefix", func() error {
			_, err := directory.SearchAirports(ann, &travelv1.SearchAirportsRequest{})
			return err
		}, codes.InvalidArgument},
		{"limit too high", func() error {
			_, err := directory.SearchAirports(ann, &travelv1.SearchAirportsRequest{Prefix: "a", Limit: 101})
			return err
		}, codes.InvalidArgument},
		{"notice too long", func() error {
			req := &travelv1.UpdateAirportRequest{Ident: "EGLL", Notice: strings.Repeat("é", 501)}
			_, err := directory.UpdateAirport(ann, req)
			return err
		}, codes.InvalidArgument},
		{"no such route", func() error {
			_, err := fares.GetFare(ann, &travelv1.GetFareRequest{Origin: "LHR"})
			return err
		}, codes.NotFound},
		{"a free ride", func() error {
			_, err := fares.SetFare(ann, &travelv1.SetFareRequest{Origin: "LHR", Destination: "JFK"})
			return err
		}, codes.InvalidArgument},
		{"no such flight", func() error {
			_, err := seats.GetSeatMap(ann, &travelv1.GetSeatMapRequest{Flight: "ZZ1"})
			return err
		}, codes.NotFound},
		{"a seat that is not held", func() error {
			_, err := seats.SellSeat(ann, &travelv1.SellSeatRequest{Flight: "ZZ101", Number: "1A"})
			return err
		}, codes.FailedPrecondition},
		{"a hold of nobody's", func() error {
			_, err := seats.HoldSeat(t.Context(), &travelv1.HoldSeatRequest{Flight: "ZZ101", Number: "1A"})
			return err
		}, codes.Unauthenticated},
		{"two travellers", func() error {
			_, err := seats.GetSeat(service.WithTraveller(ann, "bob"), &travelv1.GetSeatRequest{Flight: "ZZ101", Number: "1A"})
			return err
		}, codes.InvalidArgument},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := status.Code(tt.call()); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	directory := travelv1.NewDirectoryServiceClient(dial(t, false))
	resp, err := directory.SearchAirports(t.Context(), &travelv1.SearchAirportsRequest{Prefix: "lond", Limit: 2})
	if err != nil || len(resp.GetAirports()) != 2 {
		t.Fatalf("got %v, %v, want two airports", resp, err)
	}
	if resp, err = directory.SearchAirports(t.Context(), &travelv1.SearchAirportsRequest{Prefix: "l"}); err != nil {
		t.Fatal(err)
	}
	if got := len(resp.GetAirports()); got != 20 {
		t.Errorf("got %d airports without a limit, want 20", got)
	}
}

// TestSeatLifetimes: a seat's reply may be reused only once the seat is sold,
// and shows only its own traveller whose it is.
func TestSeatLifetimes(t *testing.T) {
	const lifetime = "max-age=3600"
	for _, tt := range []struct {
		name  string
		plain bool
	}{
		{"with freshet", false},
		{"without", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seats := travelv1.NewSeatsServiceClient(dial(t, tt.plain))
			ann, bob := service.WithTraveller(t.Context(), "ann"), service.WithTraveller(t.Context(), "bob")
			check := func(ctx context.Context, state travelv1.Seat_State, yours bool) {
				t.Helper()
				var trailer metadata.MD
				req := &travelv1.GetSeatRequest{Flight: "ZZ101", Number: "2C"}
				resp, err := seats.GetSeat(ctx, req, grpc.Trailer(&trailer))
				if err != nil {
					t.Fatal(err)
				}
				if s := resp.GetSeat(); s.GetState() != state || s.GetYours() != yours {
					t.Errorf("got %v, want %v, yours: %v", s, state, yours)
				}
				directives := strings.Join(trailer.Get("cache-control"), ", ")
				if got, want := strings.Contains(directives, lifetime), !tt.plain && state == travelv1.Seat_SOLD; got != want {
					t.Errorf("got cache-control %q of a %v seat, want %s: %v", directives, state, lifetime, want)
				}
			}
			check(ann, travelv1.Seat_FREE, false)
			if _, err := seats.HoldSeat(ann, &travelv1.HoldSeatRequest{Flight: "ZZ101", Number: "2C"}); err != nil {
				t.Fatal(err)
			}
			check(ann, travelv1.Seat_HELD, true)
			check(bob, travelv1.Seat_HELD, false)
			if _, err := seats.SellSeat(ann, &travelv1.SellSeatRequest{Flight: "ZZ101", Number: "2C"}); err != nil {
				t.Fatal(err)
			}
			check(ann, travelv1.Seat_SOLD, true)
			check(bob, travelv1.Seat_SOLD, false)
		})
	}
}

func TestHealth(t *testing.T) {
	conn := dial(t, false)
	for _, name := range []string{"", "freshet.examples.travel.v1.SeatsService"} {
		resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: got %v, %v", name, resp, err)
		}
	}
}

func TestOutgoingTraveller(t *testing.T) {
	nobody := t.Context()
	ann := service.WithTraveller(nobody, "ann")
	for _, tt := range []struct {
		name, want string
		ctx        context.Context
		fails      bool
	}{
		{"nobody", "", nobody, false},
		{"one", "ann", ann, false},
		{"two", "", service.WithTraveller(ann, "bob"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := service.OutgoingTraveller(tt.ctx)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("got %q, %v, want %q, an error: %v", got, err, tt.want, tt.fails)
			}
		})
	}
}

func TestNoServices(t *testing.T) {
	if _, err := service.New(service.Config{}); err == nil {
		t.Error("a server without services: got no error")
	}
}
