// Package watchtest is what the tests of the resolvers that ask over HTTP have
// in common: an HTTP server in memory, which runs in a bubble of
// testing/synctest, and a channel that records what it is told.
package watchtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/endpoint"
)

// Serve serves h in memory until the test ends, and returns a client whose
// connections all lead there.
func Serve(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Hour}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.Close()
		serving.Wait()
	})
	return &http.Client{Transport: transport}
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// Channel is what a resolver speaks to. It records, and refuses lists on demand.
type Channel struct {
	resolver.ClientConn // panics on what is not overridden

	mu     sync.Mutex
	refuse error
	lists  []string
	errors []string
}

// UpdateState records the list as [Describe] has it.
func (c *Channel) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	flat := 0
	for _, e := range s.Endpoints {
		flat += len(e.Addresses)
	}
	if flat != len(s.Addresses) {
		c.errors = append(c.errors, "State.Addresses differs from State.Endpoints")
	}
	c.lists = append(c.lists, Describe(s.Endpoints))
	return c.refuse
}

// ReportError records the error.
func (c *Channel) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors = append(c.errors, err.Error())
}

// Refuse makes UpdateState return err.
func (c *Channel) Refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

// Drain returns what was published and reported since the last call.
func (c *Channel) Drain() (lists, errors []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lists, errors = c.lists, c.errors
	c.lists, c.errors = nil, nil
	return lists, errors
}

// Want drains, and fails the test if the lists are not those or there are errors.
func (c *Channel) Want(t *testing.T, want ...string) {
	t.Helper()
	lists, faults := c.Drain()
	if !slices.Equal(lists, want) {
		t.Errorf("published lists:\n got %q\nwant %q", lists, want)
	}
	if len(faults) > 0 {
		t.Errorf("reported errors: got %q, want none", faults)
	}
}

// WantError drains, and fails the test if there is not one error, with all the
// parts in it, or there are lists.
func (c *Channel) WantError(t *testing.T, parts ...string) {
	t.Helper()
	lists, faults := c.Drain()
	if len(lists) > 0 {
		t.Errorf("published lists: got %q, want none", lists)
	}
	if len(faults) != 1 {
		t.Fatalf("reported errors: got %q, want one with %q", faults, parts)
	}
	for _, part := range parts {
		if !strings.Contains(faults[0], part) {
			t.Errorf("reported error: got %q, want %q in it", faults[0], part)
		}
	}
}

// Describe writes endpoints with spaces between them, each as its addresses with
// '|' between them, then "@zone", "^priority", "~" if it is draining and
// "*weight", as far as there are such.
func Describe(list []resolver.Endpoint) string {
	described := make([]string, 0, len(list))
	for _, e := range list {
		addresses := make([]string, 0, len(e.Addresses))
		for _, a := range e.Addresses {
			addresses = append(addresses, a.Addr)
		}
		s := strings.Join(addresses, "|")
		info := endpoint.Get(e)
		if info.Zone != "" {
			s += "@" + info.Zone
		}
		if info.Priority != 0 {
			s += fmt.Sprintf("^%d", info.Priority)
		}
		if info.Draining {
			s += "~"
		}
		if w := weight.FromEndpoint(e).Weight; w != 0 {
			s += fmt.Sprintf("*%d", w)
		}
		described = append(described, s)
	}
	return strings.Join(described, " ")
}

// Build builds a resolver of the target, and closes it when the test ends.
func Build(t *testing.T, b resolver.Builder, target string) (resolver.Resolver, *Channel) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	c := &Channel{}
	r, err := b.Build(resolver.Target{URL: *u}, c, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, c
}

// Advance moves the time of a bubble, and lets what is due at the end happen.
func Advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
