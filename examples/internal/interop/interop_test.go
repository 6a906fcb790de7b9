package interop_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/balancer/loadreport"
	"github.com/freshet-io/freshet/cachepolicy"
	"github.com/freshet-io/freshet/interceptor/cache"
	"github.com/freshet-io/freshet/interceptor/origin"
	_ "github.com/freshet-io/freshet/resolver/static"
)

// The cases exit the process when they fail, so they run in one of their own.
const child = "FRESHET_INTEROP_CHILD"

const (
	backends = 3
	rounds   = 5
)

// policy lets the unary cases' replies be reused, so that all rounds but the
// first meet the cache: a method that echoes metadata varies by it.
const policy = `
methods:
  - method: /grpc.testing.TestService/EmptyCall
    policy: {cache: {max_age: 60s, scope: PUBLIC, assume_safe: true}}
  - method: /grpc.testing.TestService/UnaryCall
    policy:
      cache:
        max_age: 60s
        scope: PUBLIC
        assume_safe: true
        vary: [x-grpc-test-echo-initial, x-grpc-test-echo-trailing-bin]
`

func TestInteropCases(t *testing.T) {
	if os.Getenv(child) != "" {
		runCases(t)
		return
	}
	for _, mode := range []string{"uncached", "cached"} {
		t.Run(mode, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestInteropCases$", "-test.v")
			cmd.Env = append(os.Environ(), child+"="+mode)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := fmt.Sprintf("%d rounds", rounds); !strings.Contains(string(out), want) {
				t.Errorf("no word of %s:\n%s", want, out)
			}
		})
	}
}

func runCases(t *testing.T) {
	var set *cachepolicy.Set
	if os.Getenv(child) == "cached" {
		var err error
		if set, err = cachepolicy.Parse("interop.yaml", []byte(policy)); err != nil {
			t.Fatal(err)
		}
	}
	var addrs []string
	for range backends {
		addrs = append(addrs, serve(t, set))
	}
	c, err := cache.New(cache.WithPolicies(set))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	dial := append(balancer.DialOptions(balancer.Config{}), grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("static:///"+strings.Join(addrs, ","), append(dial, c.DialOptions()...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range rounds {
		for _, run := range cases(conn) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			run(ctx)
			cancel()
		}
	}
	s := c.Stats()
	if os.Getenv(child) == "cached" && s.Hits == 0 {
		t.Errorf("the cache had no part in it: %+v", s)
	}
	t.Logf("%d rounds of %d cases over %d backends, %+v", rounds, len(cases(conn)), backends, s)
}

func cases(conn *grpc.ClientConn) []func(context.Context) {
	tc := testgrpc.NewTestServiceClient(conn)
	with := func(f func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) func(context.Context) {
		return func(ctx context.Context) { f(ctx, tc, grpc.WaitForReady(true)) }
	}
	return []func(context.Context){
		with(interop.DoEmptyUnaryCall),
		with(interop.DoLargeUnaryCall),
		with(interop.DoClientStreaming),
		with(interop.DoServerStreaming),
		with(interop.DoPingPong),
		with(interop.DoEmptyStream),
		with(interop.DoTimeoutOnSleepingServer),
		with(interop.DoCancelAfterBegin),
		with(interop.DoCancelAfterFirstResponse),
		with(interop.DoCustomMetadata),
		with(interop.DoStatusCodeAndMessage),
		with(interop.DoSpecialStatusMessage),
		func(ctx context.Context) { interop.DoUnimplementedMethod(ctx, conn) },
		func(ctx context.Context) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
		},
	}
}

// serve runs one backend as a user would: the interop service with freshet's
// server half beside it, and its proto as gRPC ships it.
func serve(t *testing.T, set *cachepolicy.Set) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o, err := origin.New(origin.WithPolicies(set))
	if err != nil {
		t.Fatal(err)
	}
	r, err := loadreport.New()
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(r.ServerOptions(), o.ServerOptions()...)...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(lis) }()
	t.Cleanup(server.Stop)
	return lis.Addr().String()
}
