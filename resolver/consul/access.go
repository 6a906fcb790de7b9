package consul

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/freshet-io/freshet/resolver/internal/target"
	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	defaultPort  = "8500"
	defaultAgent = "127.0.0.1:" + defaultPort

	// The variables that Consul's own tools read.
	addressVariable   = "CONSUL_HTTP_ADDR"
	tlsVariable       = "CONSUL_HTTP_SSL"
	tokenVariable     = "CONSUL_HTTP_TOKEN"      //nolint:gosec // a name
	tokenFileVariable = "CONSUL_HTTP_TOKEN_FILE" //nolint:gosec // a name
)

// access is how one channel reaches Consul.
type access struct {
	base     string
	requests watch.Client
	own      bool // whether requests.HTTP is ours to close
}

// access reads the environment, and leaves files to the time when they are used.
func (c *config) access(t Target) (*access, error) {
	base, err := c.base(t)
	if err != nil {
		return nil, err
	}
	a := &access{base: base, requests: watch.Client{Header: "X-Consul-Token", Token: c.tokenOf()}}
	if c.client != nil {
		a.requests.HTTP = watch.Borrowed(c.client)
		return a, nil
	}
	a.own = true
	a.requests.HTTP = watch.Own(c.tls.Clone())
	return a, nil
}

// base returns the URL of the agent.
func (c *config) base(t Target) (string, error) {
	address, secure := t.Agent, t.TLS || c.secure
	if address == "" {
		var err error
		if address, secure, err = agentOfEnvironment(secure); err != nil {
			return "", err
		}
	}
	u := url.URL{Scheme: "http", Host: address}
	if secure {
		u.Scheme = "https"
	}
	return u.String(), nil
}

// agentOfEnvironment returns the address that the environment names. It counts
// only where the target names none, as a token does not.
func agentOfEnvironment(secure bool) (string, bool, error) {
	if on, err := strconv.ParseBool(os.Getenv(tlsVariable)); err == nil && on {
		secure = true
	}
	address := os.Getenv(addressVariable)
	if address == "" {
		return defaultAgent, secure, nil
	}
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		switch scheme {
		case "http":
		case "https":
			secure = true
		default:
			return "", false, fmt.Errorf("consul: %s must be host:port, http://host:port or https://host:port, got scheme %s", addressVariable, target.Quote(scheme))
		}
		address = strings.TrimSuffix(rest, "/")
	}
	var faults target.Faults
	address = agent(address, &faults)
	if err := faults.Err("consul: " + addressVariable); err != nil {
		return "", false, err
	}
	if address == "" {
		return "", false, errors.New("consul: " + addressVariable + " has no host")
	}
	return address, secure, nil
}

func (c *config) tokenOf() *watch.Token {
	switch {
	case c.tokenFile != "":
		return watch.FileToken(c.tokenFile)
	case c.token != "":
		return watch.FixedToken(c.token)
	case os.Getenv(tokenVariable) != "":
		return watch.FixedToken(os.Getenv(tokenVariable))
	case os.Getenv(tokenFileVariable) != "":
		return watch.FileToken(os.Getenv(tokenFileVariable))
	default:
		return nil
	}
}

// close closes connections, and ends a dial that is under way.
func (a *access) close() {
	if a.own {
		a.requests.HTTP.CloseIdleConnections()
	}
}
