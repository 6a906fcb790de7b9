package consul_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/consul"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

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

// TestOverTCP asks with a transport of the resolver's own, over TLS and not, by
// target and by environment.
func TestOverTCP(t *testing.T) {
	a := newAgent(t, instances("10.0.0.1:1"))
	plain, secure := httptest.NewServer(a), httptest.NewTLSServer(a)
	defer plain.Close()
	defer secure.Close()
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	trust := consul.WithTLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	address := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	for _, tt := range []struct {
		name, target, variable, secureVariable string
		opts                                   []consul.Option
		fails                                  string
	}{
		{name: "target", target: "consul://" + address(plain) + "/search"},
		{name: "environment", target: "consul:///search", variable: address(plain)},
		{name: "environment with scheme", target: "consul:///search", variable: plain.URL + "/"},
		{name: "target wins", target: "consul://" + address(plain) + "/search", variable: "https://127.0.0.1:1", secureVariable: "true"},
		{name: "TLS by option", target: "consul://" + address(secure) + "/search", opts: []consul.Option{trust}},
		{name: "TLS by environment", target: "consul:///search", variable: secure.URL, opts: []consul.Option{trust}},
		{name: "TLS by variable", target: "consul:///search", variable: address(secure), secureVariable: "true", fails: "failed to verify certificate"},
		{name: "TLS by target", target: "consul://" + address(secure) + "/search?tls=true", fails: "failed to verify certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CONSUL_HTTP_ADDR", tt.variable)
			t.Setenv("CONSUL_HTTP_SSL", tt.secureVariable)
			u, err := url.Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			cc := &signal{told: make(chan struct{}, 100)}
			r, err := consul.NewBuilder(tt.opts...).Build(resolver.Target{URL: *u}, cc, resolver.BuildOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(r.Close)
			<-cc.told
			if tt.fails != "" {
				cc.WantError(t, tt.fails)
			} else {
				cc.Want(t, "10.0.0.1:1")
			}
		})
	}
	if got := strings.Join(a.asked(), " "); strings.Contains(got, "token") {
		t.Errorf("queries: got %q, want no token in them", got)
	}
}
