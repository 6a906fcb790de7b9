package kubernetes

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/freshet-io/freshet/resolver/internal/target"
	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

	hostVariable = "KUBERNETES_SERVICE_HOST"
	portVariable = "KUBERNETES_SERVICE_PORT"

	maxAuthority = 1 << 20 // bytes; a ConfigMap, which is where it comes from, holds no more
	maxNamespace = 1 << 10
)

// access is how one channel reaches the API server.
type access struct {
	base      string
	requests  watch.Client
	authority string // the file with the certificate authority, "" when the client is not ours to make
	pem       []byte // its content, as requests.HTTP has it
	own       bool   // whether requests.HTTP is ours to close
}

// access reads the environment, and leaves files to the time when they are used.
func (c *config) access() (*access, error) {
	a := &access{base: strings.TrimSuffix(c.url, "/"), requests: watch.Client{Header: "Authorization", Prefix: "Bearer "}}
	tokenFile := c.tokenFile
	if c.url == "" {
		host, port := os.Getenv(hostVariable), os.Getenv(portVariable)
		if host == "" || port == "" {
			return nil, fmt.Errorf("kubernetes: %s and %s are not set, so that this is no pod: outside of a cluster use NewBuilder with WithURL", hostVariable, portVariable)
		}
		a.base = "https://" + net.JoinHostPort(host, port)
		a.authority = filepath.Join(c.directory, "ca.crt")
		if tokenFile == "" {
			tokenFile = filepath.Join(c.directory, "token")
		}
	}
	if tokenFile != "" {
		a.requests.Token = watch.FileToken(tokenFile)
	}
	switch {
	case c.client != nil:
		a.authority = ""
		a.requests.HTTP = watch.Borrowed(c.client)
	case a.authority == "":
		a.own = true
		a.requests.HTTP = watch.Own(nil)
	default:
		a.own = true
	}
	return a, nil
}

// renew makes the HTTP client that trusts the authority in the file as it is now.
// Authorities are replaced while pods run.
func (a *access) renew() error {
	if a.authority == "" {
		return nil
	}
	pem, err := watch.ReadFile(a.authority, maxAuthority)
	if err == nil && bytes.Equal(pem, a.pem) {
		return nil
	}
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = errors.New(a.authority + " has no certificate")
	}
	switch {
	case err == nil:
		a.close()
		a.pem = pem
		a.requests.HTTP = watch.Own(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	case a.requests.HTTP == nil:
		return fmt.Errorf("certificate authority: %w", err)
	}
	return nil
}

// close closes connections, and ends a dial that is under way.
func (a *access) close() {
	if a.own && a.requests.HTTP != nil {
		a.requests.HTTP.CloseIdleConnections()
	}
}

// namespace returns the namespace of the pod.
func (c *config) namespace() (string, error) {
	data, err := watch.ReadFile(filepath.Join(c.directory, "namespace"), maxNamespace)
	if err != nil {
		return "", fmt.Errorf("kubernetes: the target names no namespace, and that of this pod is not known: %w", err)
	}
	name := strings.TrimSpace(string(data))
	if !isLabel(name) {
		return "", fmt.Errorf("kubernetes: the namespace of this pod must be a label, got %s", target.Quote(name))
	}
	return name, nil
}
