package watch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// An HTTP/2 connection that has been silent for pingAfter is pinged, and
	// given up when the answer takes longer than pingTimeout. On HTTP/1.1 the
	// kernel's keep-alive does the same.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second

	maxReason = 1 << 10 // bytes read of the body that explains a status
	maxHeader = 64 << 10
)

// Client sends requests to one name service. It is for one goroutine.
type Client struct {
	// HTTP sends them. It must not follow redirects, or the token goes where
	// they lead: see [Own] and [Borrowed].
	HTTP *http.Client
	// Header is the header that carries the token, after Prefix.
	Header, Prefix string
	// Token is nil where there is none.
	Token *Token
}

// Own returns an HTTP client with connections of its own, for which
// CloseIdleConnections at the end also ends a dial that is under way.
func Own(config *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}
	return Borrowed(&http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}})
}

// Borrowed returns a client with the transport and the cookies of c that follows
// no redirect and has no timeout, which would end a watch.
func Borrowed(c *http.Client) *http.Client {
	return &http.Client{
		Transport:     c.Transport,
		Jar:           c.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Get returns the answer to a GET if its status is 200, and a [*StatusError] if
// it is another. A token that is refused is read anew, and if it has changed the
// request is sent once more.
func (c *Client) Get(ctx context.Context, address string) (*http.Response, error) {
	token, err := c.Token.get(false)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, address, token)
	refused, _ := err.(*StatusError) //nolint:errorlint // send does not wrap it
	if c.Token == nil || refused == nil || refused.Code != http.StatusUnauthorized && refused.Code != http.StatusForbidden {
		return resp, err
	}
	renewed, tokenErr := c.Token.get(true)
	if tokenErr != nil || renewed == token {
		return nil, err
	}
	return c.send(ctx, address, renewed)
}

func (c *Client) send(ctx context.Context, address, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "freshet")
	if token != "" {
		req.Header.Set(c.Header, c.Prefix+token)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, plain(err, req.URL.Host)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, statusError(resp)
}

// plain returns err with the host in place of the URL, and without the port that
// the kernel gave to this end: both are new each time, and would make one fault
// many in the log.
func plain(err error, host string) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op == err { //nolint:errorlint // only what is not wrapped can be replaced
		bare := *op
		bare.Source = nil
		err = &bare
	}
	return fmt.Errorf("%s: %w", host, err)
}

// StatusError is an answer other than 200.
type StatusError struct {
	// Code is the HTTP status.
	Code int
	// Reason is what the server says of it, or "".
	Reason string
	// RetryAfter is how long the server asks to be left alone, or 0.
	RetryAfter time.Duration
}

// Error returns the code, its name and the reason.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("HTTP status %d %s", e.Code, http.StatusText(e.Code))
	if e.Reason != "" {
		s += ": " + strconv.Quote(e.Reason)
	}
	return s
}

func statusError(resp *http.Response) *StatusError {
	e := &StatusError{Code: resp.StatusCode, Reason: reason(resp.Body)}
	e.RetryAfter = after(strings.TrimSpace(resp.Header.Get("Retry-After")), time.Now())
	return e
}

// after reads a Retry-After, "an HTTP-date or a number of seconds to delay" (RFC
// 9110, section 10.2.3). What is neither, or over, is 0.
func after(value string, now time.Time) time.Duration {
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseUint(value, 10, 16)
		if err != nil { // more than fits, and more than is heeded
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, date.Sub(now))
}
