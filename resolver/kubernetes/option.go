package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Option changes how a builder reaches the API server. Of options of one name
// the last counts.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	url       string
	client    *http.Client
	tokenFile string
	directory string // where a pod finds its service account
}

// WithURL asks the API server at base, such as "http://127.0.0.1:8001" of
// "kubectl proxy" or "https://api.example:6443/prefix". Outside of a cluster it
// is required.
//
// The default is the address in the environment of every pod, with the pod's own
// token and certificate authority. These go nowhere else: with WithURL there is
// no token unless [WithTokenFile] names one, and an https server is verified
// against the system's authorities unless [WithHTTPClient] knows others.
func WithURL(base string) Option {
	return option(func(c *config) { c.url = base })
}

// WithHTTPClient sends requests by client's transport, for client certificates,
// other authorities, proxies or tests. It may be shared by many channels, which
// saves connections. Its Timeout and CheckRedirect are not used: a timeout would
// end watches, and redirects are refused because they would carry the token away.
//
// The default is a transport of each channel's own.
func WithHTTPClient(client *http.Client) Option {
	return option(func(c *config) { c.client = client })
}

// WithTokenFile sends the content of the file as the bearer token (RFC 6750,
// section 2.1). It is read once a minute and when the server refuses the token.
//
// The default is the pod's service account, and with [WithURL] none.
func WithTokenFile(path string) Option {
	return option(func(c *config) { c.tokenFile = path })
}

func (c *config) validate() error {
	if c.url == "" {
		return nil
	}
	u, err := url.Parse(c.url)
	switch {
	case err != nil:
		return errors.New("kubernetes: URL of the API server cannot be parsed") // err may hold a password
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return errors.New("kubernetes: URL of the API server must have no user, query or fragment: a token belongs in a file")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return fmt.Errorf("kubernetes: URL of the API server must be http or https with a host, got %s", target.Quote(c.url))
	}
	return nil
}
