package resolvertest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// Channel is what a resolver speaks to. It records what it is told, and like most
// policies refuses a list that is empty.
type Channel struct {
	resolver.ClientConn // panics on what is not overridden

	t *testing.T

	mu     sync.Mutex
	refuse error
	said   []string // a list in the notation of State, or "! " and an error
	states []resolver.State
}

// NewChannel returns a channel that has been told nothing.
func NewChannel(t *testing.T) *Channel {
	t.Helper()
	return &Channel{t: t}
}

// UpdateState records s.
func (c *Channel) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said, c.states = append(c.said, String(s)), append(c.states, s)
	flat := 0
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			if flat == len(s.Addresses) || s.Addresses[flat].Addr != a.Addr {
				c.t.Errorf("State.Addresses %v differs from State.Endpoints %v", s.Addresses, s.Endpoints)
				return c.refuse
			}
			flat++
		}
	}
	if c.refuse == nil && flat == 0 && s.Attributes == nil {
		return balancer.ErrBadResolverState
	}
	return c.refuse
}

// ReportError records err.
func (c *Channel) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, "! "+err.Error())
}

// ParseServiceConfig returns another result at each call, with the text as an
// error.
func (*Channel) ParseServiceConfig(json string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{Err: errors.New(json)}
}

// Refuse sets what is answered to each list, nil to accept those that are not
// empty.
func (c *Channel) Refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

// Drain returns what was said since the last call, and the states among it.
func (c *Channel) Drain() (said []string, states []resolver.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	said, states = c.said, c.states
	c.said, c.states = nil, nil
	return said, states
}

// Want fails the test unless exactly this was said since the last call.
func (c *Channel) Want(want ...string) {
	c.t.Helper()
	said, _ := c.Drain()
	if !slices.Equal(said, want) {
		c.t.Errorf("the channel was told:\ngot  %q\nwant %q", said, want)
	}
}

// Target returns a target as gRPC parses it.
func Target(t *testing.T, s string) resolver.Target {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return resolver.Target{URL: *u}
}

// Build builds a resolver that is closed with the test, unless before.
func Build(t *testing.T, b resolver.Builder, target string, cc resolver.ClientConn) resolver.Resolver {
	t.Helper()
	r, err := b.Build(Target(t, target), cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := closeOnce{r, sync.OnceFunc(r.Close)}
	t.Cleanup(c.Close)
	return c
}

// closeOnce is a resolver that is closed once, as gRPC does.
type closeOnce struct {
	resolver.Resolver

	once func()
}

func (c closeOnce) Close() { c.once() }

// Advance moves the time of the bubble, and lets what is due at the end happen.
func Advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Lines collects what is logged.
type Lines struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write takes a line.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Drain returns a component's messages since the last call.
func (l *Lines) Drain(component string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.b.String()) {
		if _, message, ok := strings.Cut(line, "["+component+"]"); ok {
			out = append(out, strings.TrimSpace(message))
		}
	}
	l.b.Reset()
	return out
}
