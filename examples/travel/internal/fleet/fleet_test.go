package fleet_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/db/dbtest"
	"github.com/freshet-io/freshet/examples/travel/internal/fleet"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Start(t.Context(), fleet.Config{Path: dbtest.File(t), Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// fares returns a channel to one replica of the fares service.
func fares(t *testing.T, addr string) travelv1.FaresServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return travelv1.NewFaresServiceClient(conn)
}

func TestReplicasServeOneDatabase(t *testing.T) {
	f := start(t)
	addrs := f.Addresses(service.Fares)
	if len(addrs) != fleet.Replicas {
		t.Fatalf("got %d replicas, want %d", len(addrs), fleet.Replicas)
	}
	set := &travelv1.SetFareRequest{Origin: "LHR", Destination: "JFK", AmountCents: 77700}
	if _, err := fares(t, addrs[0]).SetFare(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		resp, err := fares(t, addr).GetFare(t.Context(), &travelv1.GetFareRequest{Origin: "LHR", Destination: "JFK"})
		if err != nil || resp.GetFare().GetAmountCents() != 77700 {
			t.Errorf("%s: got %v, %v", addr, resp, err)
		}
	}
	if got, want := f.Calls(service.Fares), uint64(1+fleet.Replicas); got != want {
		t.Errorf("counted %d calls, want %d", got, want)
	}
	if got := f.Calls(service.Seats); got != 0 {
		t.Errorf("counted %d calls of seats, want none", got)
	}
}

func TestSlow(t *testing.T) {
	f := start(t)
	c := fares(t, f.Addresses(service.Fares)[2])
	req := &travelv1.GetFareRequest{Origin: "LHR", Destination: "JFK"}
	f.Slow(2, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.GetFare(ctx, req); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("slow: got %v, want DEADLINE_EXCEEDED", err)
	}
	// Those who wait for the slow ones are no better off.
	var wg sync.WaitGroup
	for range 2 * db.Connections {
		wg.Go(func() {
			if _, err := c.GetFare(ctx, req); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("slow: got %v, want DEADLINE_EXCEEDED", err)
			}
		})
	}
	wg.Wait()
	f.Slow(2, 0)
	if _, err := c.GetFare(t.Context(), req); err != nil {
		t.Errorf("recovered: %v", err)
	}
}

func TestKillAndRestart(t *testing.T) {
	f := start(t)
	addr := f.Addresses(service.Fares)[1]
	c := fares(t, addr)
	req := &travelv1.GetFareRequest{Origin: "LHR", Destination: "JFK"}
	if _, err := c.GetFare(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if err := f.Kill(1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetFare(t.Context(), req); status.Code(err) != codes.Unavailable {
		t.Errorf("killed: got %v, want UNAVAILABLE", err)
	}
	if err := f.Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := f.Addresses(service.Fares)[1]; got != addr {
		t.Errorf("came back at %s, want %s", got, addr)
	}
	if _, err := c.GetFare(t.Context(), req, grpc.WaitForReady(true)); err != nil {
		t.Errorf("restarted: %v", err)
	}
}

// TestPlay plays all faults at once: at the end no replica is slow and none is
// missing.
func TestPlay(t *testing.T) {
	f := start(t)
	faults := fleet.Faults(10 * time.Second)
	for i := 1; i < len(faults); i++ {
		if faults[i].At < faults[i-1].At {
			t.Errorf("fault %d is at %v, after one at %v", i, faults[i].At, faults[i-1].At)
		}
	}
	if err := f.Play(t.Context(), time.Now().Add(-time.Hour), faults); err != nil {
		t.Fatal(err)
	}
	req := &travelv1.GetFareRequest{Origin: "LHR", Destination: "JFK"}
	for i, addr := range f.Addresses(service.Fares) {
		if _, err := fares(t, addr).GetFare(t.Context(), req); err != nil {
			t.Errorf("replica %d: %v", i, err)
		}
	}
}

func TestPlayStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := start(t)
	if err := f.Play(ctx, time.Now().Add(time.Hour), fleet.Faults(time.Second)); err != nil {
		t.Error(err)
	}
}
