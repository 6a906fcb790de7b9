package static_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
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

	"github.com/freshet-io/freshet/resolver/static"
)

// fleet is a set of servers that are dialled by the names they are given here.
type fleet struct {
	listeners map[string]*bufconn.Listener
}

// newFleet starts a server for each address. Each answers with its address in
// the header "server" and with the :authority it was called by.
func newFleet(t *testing.T, creds func(address string) credentials.TransportCredentials, addresses ...string) *fleet {
	f := &fleet{listeners: map[string]*bufconn.Listener{}}
	for _, address := range addresses {
		l := bufconn.Listen(1 << 16)
		f.listeners[address] = l
		s := grpc.NewServer(grpc.Creds(creds(address)), grpc.UnaryInterceptor(
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				header := metadata.Pairs("server", address, "authority", md.Get(":authority")[0])
				if err := grpc.SetHeader(ctx, header); err != nil {
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

func (f *fleet) dial(ctx context.Context, address string) (net.Conn, error) {
	return f.listeners[address].DialContext(ctx)
}

func plaintext(string) credentials.TransportCredentials { return insecure.NewCredentials() }

// call returns which server answered, and by what :authority it was called.
func call(ctx context.Context, cc *grpc.ClientConn, opts ...grpc.CallOption) (server, authority string, err error) {
	var header metadata.MD
	_, err = healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{},
		append(opts, grpc.Header(&header))...)
	if err != nil {
		return "", "", err
	}
	return header.Get("server")[0], header.Get("authority")[0], nil
}

const roundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

func TestRoundRobinOverTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, plaintext, "a:1", "b:2", "[::1]:3")
		cc, err := grpc.NewClient("static:///b:2,a:1,[::1]:3,a:1",
			grpc.WithContextDialer(f.dial),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(roundRobin))
		if err != nil {
			t.Fatal(err)
		}
		defer cc.Close()
		cc.Connect()
		synctest.Wait()
		got := map[string]int{}
		for range 30 {
			server, authority, err := call(t.Context(), cc)
			if err != nil {
				t.Fatal(err)
			}
			if authority != server {
				t.Errorf("the server %s was called as %s", server, authority)
			}
			got[server]++
		}
		for address := range f.listeners {
			if got[address] != 10 {
				t.Errorf("calls by server: got %v, want 10 each", got)
			}
		}
	})
}

func TestFirstCallAnswersABadTarget(t *testing.T) {
	const target = "static:///a,b:99999?x=1"
	_, parseErr := static.Parse(target)
	if parseErr == nil {
		t.Fatalf("Parse(%q): no error", target)
	}
	cc, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("NewClient: %v", err)
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, _, err = call(ctx, cc)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), parseErr.Error()) {
		t.Errorf("first call: got %v, want UNAVAILABLE with %q", err, parseErr)
	}
}

// Every server has a certificate for one name only, so that each row shows whom
// TLS believed it was talking to.
func TestTLSAuthority(t *testing.T) {
	ca := newCA(t)
	own := func(address string) credentials.TransportCredentials {
		host, _, _ := net.SplitHostPort(address)
		return credentials.NewServerTLSFromCert(ca.issue(t, host))
	}
	shared := func(string) credentials.TransportCredentials {
		return credentials.NewServerTLSFromCert(ca.issue(t, "svc.example"))
	}
	client := func(name string) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{RootCAs: ca.pool, ServerName: name})
	}
	const list = "static:///b.example:2,a.example:1,10.0.0.1:3"
	for _, tt := range []struct {
		name, target string
		servers      func(string) credentials.TransportCredentials
		opts         []grpc.DialOption
		authority    string // "": the server's own
		fails        bool
	}{
		{name: "own names", target: list, servers: own, opts: []grpc.DialOption{grpc.WithTransportCredentials(client(""))}},
		{
			name: "authority option", target: list + "?authority=svc.example", servers: shared,
			opts: []grpc.DialOption{grpc.WithTransportCredentials(client(""))}, authority: "svc.example",
		},
		{
			name: "dial option", target: list + "?authority=other.example", servers: shared,
			opts:      []grpc.DialOption{grpc.WithTransportCredentials(client("")), grpc.WithAuthority("svc.example")},
			authority: "svc.example",
		},
		{
			name: "name in the credentials", target: list, servers: shared,
			opts: []grpc.DialOption{grpc.WithTransportCredentials(client("svc.example"))}, authority: "svc.example",
		},
		{
			name: "certificates for another name", target: list, servers: shared,
			opts: []grpc.DialOption{grpc.WithTransportCredentials(client(""))}, fails: true,
		},
		{
			name: "an authority that the certificates lack", target: list + "?authority=svc.example", servers: own,
			opts: []grpc.DialOption{grpc.WithTransportCredentials(client(""))}, fails: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFleet(t, tt.servers, "a.example:1", "b.example:2", "10.0.0.1:3")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cc, err := grpc.NewClient(tt.target, append(tt.opts, grpc.WithContextDialer(f.dial), grpc.WithDefaultServiceConfig(roundRobin))...)
			if err != nil {
				t.Fatal(err)
			}
			defer cc.Close()
			if tt.fails {
				_, _, err := call(ctx, cc)
				if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "failed to verify certificate: x509:") {
					t.Errorf("got %v, want UNAVAILABLE for the certificate's name", err)
				}
				return
			}
			for seen := map[string]bool{}; len(seen) < 3 && ctx.Err() == nil; {
				server, authority, err := call(ctx, cc, grpc.WaitForReady(true))
				if err != nil {
					t.Fatalf("after %v: %v", seen, err)
				}
				if want := tt.authority; want != authority && (want != "" || server != authority) {
					t.Fatalf("the server %s was called as %q, want %q", server, authority, want)
				}
				seen[server] = true
			}
		})
	}
}

type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newCA(t *testing.T) *ca {
	c := &ca{pool: x509.NewCertPool()}
	c.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	made := c.sign(t, c.cert)
	c.key = made.PrivateKey.(*ecdsa.PrivateKey)
	c.cert = made.Leaf
	c.pool.AddCert(c.cert)
	return c
}

// issue returns a certificate for host, a name or an IP address, and nothing else.
func (c *ca) issue(t *testing.T, host string) *tls.Certificate {
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	return c.sign(t, leaf)
}

func (c *ca) sign(t *testing.T, template *x509.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := key
	if c.key != nil {
		signer = c.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
