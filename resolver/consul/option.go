package consul

import (
	"crypto/tls"
	"net/http"
)

// Option changes how a builder reaches Consul. Of options of one name the last
// counts; of [WithToken] and [WithTokenFile] the last of both.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	client    *http.Client
	tls       *tls.Config
	secure    bool
	token     string
	tokenFile string
}

// WithToken sends token as X-Consul-Token.
//
// The default is that of CONSUL_HTTP_TOKEN, or the content of the file that
// CONSUL_HTTP_TOKEN_FILE names, or none.
func WithToken(token string) Option {
	return option(func(c *config) { c.token, c.tokenFile = token, "" })
}

// WithTokenFile sends the content of the file as X-Consul-Token. It is read once
// a minute and when Consul refuses the token. See [WithToken] for the default.
func WithTokenFile(path string) Option {
	return option(func(c *config) { c.token, c.tokenFile = "", path })
}

// WithTLS asks Consul over TLS, verified by a copy of trust; nil is the system's
// authorities. It does for every target of the builder what the option tls=true
// does for one.
//
// The default is plain HTTP, as agents listen on their own host.
func WithTLS(trust *tls.Config) Option {
	return option(func(c *config) { c.tls, c.secure = trust.Clone(), true })
}

// WithHTTPClient sends requests by client's transport, for proxies, other dialers
// or tests. It may be shared by many channels, which saves connections. Its
// Timeout and CheckRedirect are not used: a timeout would end blocking queries,
// and redirects are refused because they would carry the token away. TLS is then
// the transport's, and [WithTLS] only says that it is used.
//
// The default is a transport of each channel's own.
func WithHTTPClient(client *http.Client) Option {
	return option(func(c *config) { c.client = client })
}
