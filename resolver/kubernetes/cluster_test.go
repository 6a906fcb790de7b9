package kubernetes_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

// serviceAccount makes the files of a pod's service account.
func serviceAccount(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// signal is a channel that tells when something was published or reported.
type signal struct {
	watchtest.Channel

	told chan struct{}
}

func (s *signal) UpdateState(state resolver.State) error {
	err := s.Channel.UpdateState(state)
	s.told <- struct{}{}
	return err
}

func (s *signal) ReportError(err error) {
	s.Channel.ReportError(err)
	s.told <- struct{}{}
}

// inPod starts a resolver as in a pod whose API server is at address.
func inPod(t *testing.T, address, dir string) (resolver.Resolver, *signal) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	b, err := kubernetes.NewBuilder(kubernetes.WithDirectory(dir))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse("kubernetes:///search:grpc")
	if err != nil {
		t.Fatal(err)
	}
	cc := &signal{told: make(chan struct{}, 100)}
	r, err := b.Build(resolver.Target{URL: *u}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, cc
}

func TestInAPod(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		name := "HTTP/1.1"
		if h2 {
			name = "HTTP/2"
		}
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.tokens = map[string]bool{"one": true}
			a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
			protocols := make(chan int, 100)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				protocols <- r.ProtoMajor
				a.ServeHTTP(w, r)
			}))
			server.EnableHTTP2 = h2
			server.StartTLS()
			t.Cleanup(server.Close) // after the resolver, whose watch it would wait for
			authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			dir := serviceAccount(t, map[string]string{"token": "one\n", "namespace": "shop", "ca.crt": string(authority)})
			_, cc := inPod(t, server.Listener.Addr().String(), dir)
			<-cc.told
			cc.Want(t, "10.0.0.1:50051")
			a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
			<-cc.told
			cc.Want(t, "10.0.0.2:50051")
			if major := <-protocols; (major == 2) != h2 {
				t.Errorf("got HTTP/%d, want HTTP/2: %t", major, h2)
			}
		})
	}
}

// The authority of a cluster is replaced, and its server's certificate with it,
// while the pod runs.
func TestTheAuthorityIsRenewed(t *testing.T) {
	a := newAPI(t)
	a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
	first, firstPEM := selfSigned(t)
	second, secondPEM := selfSigned(t)
	var current atomic.Pointer[tls.Certificate]
	current.Store(first)
	server := httptest.NewUnstartedServer(a)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*current.Load()}}, nil
	}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close) // after the resolver, whose watch it would wait for
	dir := serviceAccount(t, map[string]string{"token": "one\n", "namespace": "shop", "ca.crt": "not yet\n"})
	_, cc := inPod(t, server.Listener.Addr().String(), dir)
	<-cc.told
	cc.WantError(t, "certificate authority: ", "ca.crt has no certificate")
	replace(t, dir, "ca.crt", firstPEM)
	<-cc.told
	cc.Want(t, "10.0.0.1:50051")

	replace(t, dir, "ca.crt", secondPEM)
	current.Store(second)
	server.CloseClientConnections()
	a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
	for list := ""; list != "10.0.0.2:50051"; {
		<-cc.told
		if lists, _ := cc.Drain(); len(lists) > 0 {
			list = lists[len(lists)-1]
		}
	}
}

// replace renames over a file of a service account, as the kubelet does.
func replace(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// selfSigned returns a certificate for 127.0.0.1, and what trusts it.
func selfSigned(t *testing.T) (certificate *tls.Certificate, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	a := newAPI(t)
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close) // after the resolver, whose watch it would wait for
	b, err := kubernetes.NewBuilder(kubernetes.WithURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse("kubernetes:///search.shop:grpc")
	cc := &signal{told: make(chan struct{}, 100)}
	r, err := b.Build(resolver.Target{URL: *u}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-cc.told
	cc.WantError(t, "listing EndpointSlices", "failed to verify certificate")
	t.Cleanup(r.Close)
}

// A dial that is not answered ends with the resolver; goleak sees if it stays.
func TestCloseEndsADial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	reached := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		if err == nil {
			reached <- c // and no TLS handshake
		}
	}()
	b, err := kubernetes.NewBuilder(kubernetes.WithURL("https://" + l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := watchtest.Build(t, b, "kubernetes:///search.shop:grpc")
	c := <-reached
	defer c.Close()
	closed := make(chan struct{})
	go func() { r.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second): // the handshake would end after 10
		t.Error("Close waits for a handshake")
		<-closed
	}
}

func TestBuildFaults(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
	for _, tt := range []struct {
		name, target, namespace, want string
		opts                          []kubernetes.Option
	}{
		{name: "no cluster", target: "kubernetes:///search.shop:1", want: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"},
		{name: "no namespace", target: "kubernetes:///search:1", opts: []kubernetes.Option{kubernetes.WithURL("http://api")}, want: "the target names no namespace, and that of this pod is not known"},
		{name: "odd namespace", target: "kubernetes:///search:1", namespace: "a/../b", opts: []kubernetes.Option{kubernetes.WithURL("http://api")}, want: `the namespace of this pod must be a label, got "a/../b"`},
		{name: "target", target: "kubernetes:///", want: "service must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			if tt.namespace != "" {
				files["namespace"] = tt.namespace
			}
			b, err := kubernetes.NewBuilder(append(tt.opts, kubernetes.WithDirectory(serviceAccount(t, files)))...)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Build(resolver.Target{URL: *u}, &watchtest.Channel{}, resolver.BuildOptions{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestNewBuilderFaults(t *testing.T) {
	for base, want := range map[string]string{
		"ftp://api":               "must be http or https with a host",
		"api:6443":                "must be http or https with a host",
		"http://":                 "must be http or https with a host",
		"http://u:secret@api":     "must have no user",
		"http://api?token=secret": "must have no user, query or fragment",
		"http://secret\x7f":       "cannot be parsed",
	} {
		_, err := kubernetes.NewBuilder(kubernetes.WithURL(base))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want %q in it and no secret", base, err, want)
		}
	}
}

// The scheme is registered by importing the package, and a fault reaches calls.
func TestFirstCallSaysWhatIsWrong(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	cc, err := grpc.NewClient("kubernetes:///search.shop:grpc", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "KUBERNETES_SERVICE_HOST") {
		t.Errorf("got %v, want UNAVAILABLE that says where the cluster is missing", err)
	}
}
