package file_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// The servers have one name in their certificate, which stands neither in the
// file nor in the path.
func TestTLSAuthority(t *testing.T) {
	for _, tt := range []struct {
		name, certificate, options, serverName string
		opts                                   []grpc.DialOption
		authority                              string // "": the handshake fails
	}{
		{name: "default", certificate: "localhost", authority: "localhost"},
		{name: "option", certificate: "svc.example", options: "?authority=svc.example:443", authority: "svc.example:443"},
		{name: "dial option", certificate: "svc.example", options: "?authority=x", opts: []grpc.DialOption{grpc.WithAuthority("svc.example")}, authority: "svc.example"},
		{name: "name in the credentials", certificate: "svc.example", options: "?authority=x", serverName: "svc.example", authority: "svc.example"},
		{name: "another name", certificate: "svc.example"},
		{name: "the name in the file is not trusted", certificate: "a.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "backends.yaml")
			write(t, path, listOf("a.example:1"))
			server, pool := selfSigned(t, tt.certificate)
			f := newFleet(t, server, "a.example:1")
			client := credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: tt.serverName})
			cc := f.connect(t, targetOf(path)+tt.options, append(tt.opts, grpc.WithTransportCredentials(client))...)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, authority, err := call(ctx, cc)
			if tt.authority == "" {
				if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "failed to verify certificate: x509:") {
					t.Errorf("got %v, want UNAVAILABLE for the certificate's name", err)
				}
				return
			}
			if err != nil || authority != tt.authority {
				t.Errorf("the server was called as %q, %v, want %q", authority, err, tt.authority)
			}
		})
	}
}

// selfSigned returns credentials for a server called name, and what trusts them.
func selfSigned(t *testing.T, name string) (credentials.TransportCredentials, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return credentials.NewServerTLSFromCert(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}), pool
}
