package standalone

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/freshet-io/freshet/examples/travel/internal/db/dbtest"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestServe starts a binary's server, calls it and interrupts it.
func TestServe(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	cfg := config{
		name: service.Fares, addr: "127.0.0.1:0", path: dbtest.File(t),
		telemetry: telemetry.Config{Exporter: telemetry.None},
	}
	reader, log := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg, log) }()
	line := make([]byte, 500)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	addr := regexp.MustCompile(`on (\S+)`).FindStringSubmatch(string(line[:n]))
	if addr == nil {
		t.Fatalf("%q names no address", line[:n])
	}
	conn, err := grpc.NewClient(addr[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req := &travelv1.GetFareRequest{Origin: "LHR", Destination: "JFK"}
	if resp, err := travelv1.NewFaresServiceClient(conn).GetFare(t.Context(), req); err != nil {
		t.Errorf("got %v, %v", resp, err)
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("after the interrupt: %v", err)
	}
}

func TestServeFails(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		cfg        config
	}{
		{"no such folder", "nowhere", config{path: t.TempDir() + "/nowhere/travel.db"}},
		{"no address", "here", config{path: dbtest.File(t), addr: "here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.name, tt.cfg.telemetry.Exporter = service.Fares, telemetry.None
			if err := serve(t.Context(), tt.cfg, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that names %q", err, tt.want)
			}
		})
	}
}
