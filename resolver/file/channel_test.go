package file_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/freshet-io/freshet/resolver/file"
)

const roundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// fleet is a set of servers that are dialled by the names they are given here.
type fleet map[string]*bufconn.Listener

// newFleet starts a server for each address. Each answers with its address in
// the header "server" and with the :authority it was called by.
func newFleet(t *testing.T, creds credentials.TransportCredentials, addresses ...string) fleet {
	f := fleet{}
	for _, address := range addresses {
		l := bufconn.Listen(1 << 16)
		f[address] = l
		s := grpc.NewServer(grpc.Creds(creds), grpc.UnaryInterceptor(
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				if err := grpc.SetHeader(ctx, metadata.Pairs("server", address, "authority", md.Get(":authority")[0])); err != nil {
					return nil, err
				}
				return next(ctx, req)
			}))
		healthpb.RegisterHealthServer(s, health.NewServer())
		go func() { _ = s.Serve(l) }()
		t.Cleanup(s.Stop)
	}
	return f
}

func (f fleet) dial(ctx context.Context, address string) (net.Conn, error) {
	return f[address].DialContext(ctx)
}

// connect returns a channel to the fleet that the file at path lists.
func (f fleet) connect(t *testing.T, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithContextDialer(f.dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(roundRobin),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// call returns which server answered, and by what :authority it was called.
func call(ctx context.Context, cc *grpc.ClientConn, opts ...grpc.CallOption) (server, authority string, err error) {
	var header metadata.MD
	_, err = healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Header(&header))...)
	if err != nil {
		return "", "", err
	}
	return header.Get("server")[0], header.Get("authority")[0], nil
}

// count calls n times and returns the calls by server.
func count(t *testing.T, cc *grpc.ClientConn, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		server, authority, err := call(t.Context(), cc)
		if err != nil {
			t.Fatal(err)
		}
		if authority != "localhost" {
			t.Errorf("the server was called as %q, want localhost", authority)
		}
		got[server]++
	}
	return got
}

func TestARenameMovesTraffic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	write(t, path, listOf("a:1 b:2"))
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, insecure.NewCredentials(), "a:1", "b:2", "c:3")
		cc := f.connect(t, targetOf(path))
		cc.Connect()
		synctest.Wait()
		if got := count(t, cc, 20); got["a:1"] != 10 || got["b:2"] != 10 {
			t.Errorf("calls by server: got %v, want 10 each of a:1 and b:2", got)
		}

		replace(t, path, listOf("b:2 c:3"))
		advance(poll + settle)
		if got := count(t, cc, 20); got["b:2"] != 10 || got["c:3"] != 10 {
			t.Errorf("calls by server after the rename: got %v, want 10 each of b:2 and c:3", got)
		}

		write(t, path, "endpoints: [") // broken: nothing changes
		advance(time.Minute)
		if got := count(t, cc, 20); got["b:2"] != 10 || got["c:3"] != 10 {
			t.Errorf("calls by server with a broken file: got %v, want 10 each of b:2 and c:3", got)
		}
	})
}

func TestCallsBeforeAGoodList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backends.yaml")
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, insecure.NewCredentials(), "a:1")
		cc := f.connect(t, targetOf(path)+"?interval=1s")
		_, _, err := call(t.Context(), cc)
		if want := `file: "` + path + `": stat: no such file or directory`; status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("first call: got %v, want UNAVAILABLE with %q", err, want)
		}

		waiting := make(chan error)
		go func() {
			_, _, err := call(t.Context(), cc, grpc.WaitForReady(true))
			waiting <- err
		}()
		advance(time.Minute)
		write(t, path, "endpoints:\n- adresses: [\"a:1\"]\n")
		advance(2 * poll)
		_, _, err = call(t.Context(), cc)
		if want := `line 2: endpoints[0]: unknown field "adresses", known: addresses`; !strings.Contains(status.Convert(err).Message(), want) {
			t.Errorf("call with a refused file: got %v, want %q in it", err, want)
		}
		write(t, path, listOf("a:1"))
		if err := <-waiting; err != nil {
			t.Errorf("a wait-for-ready call: got %v, want an answer once there is a list", err)
		}
	})
}

func TestFirstCallAnswersABadTarget(t *testing.T) {
	const target = "file:///x?interval=0s&intervall=1s"
	_, parseErr := file.Parse(target)
	if parseErr == nil {
		t.Fatalf("Parse(%q): no error", target)
	}
	cc := fleet{}.connect(t, target)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, _, err := call(ctx, cc)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), parseErr.Error()) {
		t.Errorf("first call: got %v, want UNAVAILABLE with %q", err, parseErr)
	}
}
